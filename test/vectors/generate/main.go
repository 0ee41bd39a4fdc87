// Writes the test vectors of the registry, each made by an implementation that is not OpenSSL and,
// where a standard publishes the answer, compared with it.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

// Bytes are written as lower-case hexadecimal.
type Bytes []byte

func (b Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(hex.EncodeToString(b))
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . DIRECTORY")
	}
	for _, vectors := range []map[string]any{hashes(), ciphers(), kems(), groups(), signatures()} {
		for name, content := range vectors {
			write(filepath.Join(os.Args[1], name+".json"), content)
		}
	}
}

func write(path string, content any) {
	text, err := json.MarshalIndent(content, "", "  ")
	must(err)
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	must(os.WriteFile(path, append(text, '\n'), 0o644))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func result[T any](value T, err error) T {
	must(err)
	return value
}

// The bytes of a figure as standards print it, with spaces.
func unhex(text string) Bytes {
	return result(hex.DecodeString(strings.Join(strings.Fields(text), "")))
}

// Stops unless what was computed is what the standard prints.
func published(what string, computed []byte, printed string) Bytes {
	if hex.EncodeToString(computed) != hex.EncodeToString(unhex(printed)) {
		log.Fatal(fmt.Sprintf("%s: computed %x", what, computed))
	}
	return computed
}

// Bytes that count up, as seeds.
func ascending(first, count int) Bytes {
	bytes := make(Bytes, count)
	for i := range bytes {
		bytes[i] = byte(first + i)
	}
	return bytes
}
