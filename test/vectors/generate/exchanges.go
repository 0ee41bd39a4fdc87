package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/sha256"
	"log"

	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/kem/schemes"
)

type kemVectors struct {
	Source string `json:"source"`
	// d || z (FIPS 203 algorithm 16).
	Seed                   Bytes `json:"seed"`
	EncapsulationKeyBytes  int   `json:"encapsulationKeyBytes"`
	EncapsulationKeySha256 Bytes `json:"encapsulationKeySha256"`
	Ciphertext             Bytes `json:"ciphertext"`
	SharedKey              Bytes `json:"sharedKey"`
	// The byte of the ciphertext whose lowest bit is flipped, and the key that comes of it.
	Modified modifiedCiphertext `json:"modified"`
}

type modifiedCiphertext struct {
	At        int   `json:"at"`
	SharedKey Bytes `json:"sharedKey"`
}

func kems() map[string]any {
	vectors := map[string]any{}
	for _, name := range []string{"ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"} {
		vectors["kem/"+name] = kemOf(name)
	}
	return vectors
}

func kemOf(name string) kemVectors {
	scheme := schemes.ByName(name)
	seed := ascending(0, 64)
	public, private := scheme.DeriveKeyPair(seed)
	ciphertext, shared, err := scheme.EncapsulateDeterministically(public, ascending(0x40, 32))
	must(err)
	at := len(ciphertext) / 2
	modified := bytes.Clone(ciphertext)
	modified[at] ^= 1
	key := result(public.MarshalBinary())
	sum := sha256.Sum256(key)
	vectors := kemVectors{
		Source: "FIPS 203 algorithms 16 to 18, computed with CIRCL from the seed of RFC 9935's examples and" +
			" the message 40 to 5f; but for ML-KEM-512, confirmed by Go crypto/mlkem",
		Seed:                   seed,
		EncapsulationKeyBytes:  len(key),
		EncapsulationKeySha256: sum[:],
		Ciphertext:             ciphertext,
		SharedKey:              shared,
		Modified:               modifiedCiphertext{at, result(scheme.Decapsulate(private, modified))},
	}
	agreeWithGo(name, key, modified, vectors)
	return vectors
}

type goKey interface {
	Decapsulate(ciphertext []byte) ([]byte, error)
}

// A second implementation has to say the same, where there is one.
func agreeWithGo(name string, key, modified []byte, vectors kemVectors) {
	var private goKey
	var public []byte
	switch name {
	case "ML-KEM-768":
		k := result(mlkem.NewDecapsulationKey768(vectors.Seed))
		private, public = k, k.EncapsulationKey().Bytes()
	case "ML-KEM-1024":
		k := result(mlkem.NewDecapsulationKey1024(vectors.Seed))
		private, public = k, k.EncapsulationKey().Bytes()
	default:
		return
	}
	if !bytes.Equal(public, key) ||
		!bytes.Equal(result(private.Decapsulate(vectors.Ciphertext)), vectors.SharedKey) ||
		!bytes.Equal(result(private.Decapsulate(modified)), vectors.Modified.SharedKey) {
		log.Fatalf("%s: Go and CIRCL do not agree", name)
	}
}

type groupVectors struct {
	Source           string `json:"source"`
	ClientShareBytes int    `json:"clientShareBytes"`
	ServerShareBytes int    `json:"serverShareBytes"`
	// The parts in the order in which shares and secrets are concatenated.
	Order    []string  `json:"order"`
	Exchange *exchange `json:"exchange,omitempty"`
}

type exchange struct {
	Source        string `json:"source"`
	PrivateKey    Bytes  `json:"privateKey"`
	PeerPublicKey Bytes  `json:"peerPublicKey"`
	SharedSecret  Bytes  `json:"sharedSecret"`
}

func groups() map[string]any {
	const hybrid, pure, classical = "RFC 10024", "draft-ietf-tls-mlkem", "RFC 8446 section 4.2.8.2"
	vectors := map[string]any{
		"group/X25519MLKEM768":     groupVectors{hybrid, 1216, 1120, []string{"ML-KEM-768", "X25519"}, nil},
		"group/SecP256r1MLKEM768":  groupVectors{hybrid, 1249, 1153, []string{"P-256", "ML-KEM-768"}, nil},
		"group/SecP384r1MLKEM1024": groupVectors{hybrid, 1665, 1665, []string{"P-384", "ML-KEM-1024"}, nil},
		"group/MLKEM512":           groupVectors{pure, 800, 768, []string{"ML-KEM-512"}, nil},
		"group/MLKEM768":           groupVectors{pure, 1184, 1088, []string{"ML-KEM-768"}, nil},
		"group/MLKEM1024":          groupVectors{pure, 1568, 1568, []string{"ML-KEM-1024"}, nil},
	}
	for name, known := range exchanges() {
		size := len(known.PeerPublicKey)
		vectors["group/"+name] = groupVectors{classical, size, size, []string{name}, known}
	}
	return vectors
}

func exchanges() map[string]*exchange {
	return map[string]*exchange{
		"X25519": agree(ecdh.X25519(), "RFC 7748 section 6.1; computed with Go crypto/ecdh",
			"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
			"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"),
		"X448": agree448(),
		"P-256": agree(ecdh.P256(), "RFC 5903 section 8.1; computed with Go crypto/ecdh",
			"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
			"c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
			"d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"),
		"P-384": agree(ecdh.P384(), "RFC 5903 section 8.2; computed with Go crypto/ecdh",
			"099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
			"41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
			"11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"),
		"P-521": agree(ecdh.P521(), "RFC 5903 section 8.3; computed with Go crypto/ecdh",
			"0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"+
				"95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
			"0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"+
				"9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
			"01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"+
				"d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea"),
	}
}

func agree(curve ecdh.Curve, source, private, peer, shared string) *exchange {
	own := result(curve.NewPrivateKey(unhex(private)))
	other := result(curve.NewPrivateKey(unhex(peer))).PublicKey()
	secret := published(source, result(own.ECDH(other)), shared)
	return &exchange{source, unhex(private), other.Bytes(), secret}
}

func agree448() *exchange {
	const source = "RFC 7748 section 6.2; computed with CIRCL"
	var own, other, public, secret x448.Key
	copy(own[:], unhex("9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"+
		"d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b"))
	copy(other[:], unhex("1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d"+
		"6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d"))
	x448.KeyGen(&public, &other)
	if !x448.Shared(&secret, &own, &public) {
		log.Fatal("X448: a point of low order")
	}
	return &exchange{source, own[:], public[:], published(source, secret[:],
		"07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"+
			"b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d")}
}
