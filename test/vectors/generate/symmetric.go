package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"

	"golang.org/x/crypto/chacha20poly1305"
)

type digest struct {
	Message string `json:"message"`
	Digest  Bytes  `json:"digest"`
}

type hashVectors struct {
	Source  string   `json:"source"`
	Digests []digest `json:"digests"`
}

func hashes() map[string]any {
	return map[string]any{
		"hash/SHA-256": hashVectors{"FIPS 180-4, NIST example values; computed with Go crypto/sha256", []digest{
			{"", published("SHA-256 of nothing", sha256.New().Sum(nil),
				"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")},
			{"abc", published("SHA-256 of abc", sum256("abc"),
				"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")},
			{twoBlocks64, sum256(twoBlocks64)},
		}},
		"hash/SHA-384": hashVectors{"FIPS 180-4, NIST example values; computed with Go crypto/sha512", []digest{
			{"", published("SHA-384 of nothing", sum384(""),
				"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b")},
			{"abc", published("SHA-384 of abc", sum384("abc"),
				"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7")},
			{twoBlocks128, sum384(twoBlocks128)},
		}},
		"hash/SHA-512": hashVectors{"FIPS 180-4, NIST example values; computed with Go crypto/sha512", []digest{
			{"", published("SHA-512 of nothing", sum512(""),
				"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"+
					"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")},
			{"abc", published("SHA-512 of abc", sum512("abc"),
				"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"+
					"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")},
			{twoBlocks128, sum512(twoBlocks128)},
		}},
	}
}

// Messages that take two blocks.
const (
	twoBlocks64  = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
	twoBlocks128 = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq" +
		"klmnopqrlmnopqrsmnopqrstnopqrstu"
)

func sum256(message string) []byte {
	sum := sha256.Sum256([]byte(message))
	return sum[:]
}

func sum384(message string) []byte {
	sum := sha512.Sum384([]byte(message))
	return sum[:]
}

func sum512(message string) []byte {
	sum := sha512.Sum512([]byte(message))
	return sum[:]
}

type aeadVector struct {
	Source         string `json:"source"`
	Key            Bytes  `json:"key"`
	Nonce          Bytes  `json:"nonce"`
	AdditionalData Bytes  `json:"additionalData"`
	Plaintext      Bytes  `json:"plaintext"`
	Ciphertext     Bytes  `json:"ciphertext"`
	Tag            Bytes  `json:"tag"`
}

func ciphers() map[string]any {
	return map[string]any{
		"cipher/TLS_AES_128_GCM_SHA256": gcm(
			"The Galois/Counter Mode of Operation (SP 800-38D), test case 4; computed with Go crypto/aes",
			"feffe9928665731c6d6a8f9467308308",
			"5bc94fbc3221a5db94fae95ae7121a47"),
		"cipher/TLS_AES_256_GCM_SHA384": gcm(
			"The Galois/Counter Mode of Operation (SP 800-38D), test case 16; computed with Go crypto/aes",
			"feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308",
			"76fc6ece0f4e1768cddf8853bb2d551b"),
		"cipher/TLS_CHACHA20_POLY1305_SHA256": chaCha(),
	}
}

func gcm(source, key, tag string) aeadVector {
	block := result(aes.NewCipher(unhex(key)))
	return seal(result(cipher.NewGCM(block)), tag, aeadVector{
		Source:         source,
		Key:            unhex(key),
		Nonce:          unhex("cafebabefacedbaddecaf888"),
		AdditionalData: unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
		Plaintext: unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
			"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
	})
}

func chaCha() aeadVector {
	key := ascending(0x80, 32)
	return seal(result(chacha20poly1305.New(key)), "1ae10b594f09e26a7e902ecbd0600691", aeadVector{
		Source:         "RFC 8439 section 2.8.2; computed with Go x/crypto/chacha20poly1305",
		Key:            key,
		Nonce:          unhex("070000004041424344454647"),
		AdditionalData: unhex("50515253c0c1c2c3c4c5c6c7"),
		Plaintext: Bytes("Ladies and Gentlemen of the class of '99: If I could offer you " +
			"only one tip for the future, sunscreen would be it."),
	})
}

// The tag covers all the rest, so it alone is compared with the published one.
func seal(aead cipher.AEAD, tag string, vector aeadVector) aeadVector {
	sealed := aead.Seal(nil, vector.Nonce, vector.Plaintext, vector.AdditionalData)
	end := len(sealed) - aead.Overhead()
	vector.Ciphertext = sealed[:end]
	vector.Tag = published(vector.Source, sealed[end:], tag)
	return vector
}
