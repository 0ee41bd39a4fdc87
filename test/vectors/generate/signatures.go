package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"log"
	"strings"

	"github.com/cloudflare/circl/sign"
	"github.com/cloudflare/circl/sign/ed448"
	"github.com/cloudflare/circl/sign/schemes"
)

type signatureVectors struct {
	Source string `json:"source"`
	// Of which the key is made; absent where the public key is given.
	Seed Bytes `json:"seed,omitempty"`
	// SubjectPublicKeyInfo (RFC 5280).
	PublicKey Bytes `json:"publicKey,omitempty"`
	// SHA-256 of the raw public key that the seed gives.
	PublicKeySha256 Bytes             `json:"publicKeySha256,omitempty"`
	Signatures      []signatureVector `json:"signatures"`
}

type signatureVector struct {
	Message   Bytes `json:"message"`
	Context   Bytes `json:"context,omitempty"`
	Signature Bytes `json:"signature"`
}

func signatures() map[string]any {
	return map[string]any{
		"signature/ML-DSA-44": mlDsa("ML-DSA-44"),
		"signature/ML-DSA-65": mlDsa("ML-DSA-65"),
		"signature/ML-DSA-87": mlDsa("ML-DSA-87"),
		"signature/ECDSA-P256-SHA256": ecdsaOf(elliptic.P256(), crypto.SHA256,
			"RFC 6979 appendix A.2.5; computed with Go crypto/ecdsa",
			"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
			"efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"),
		"signature/ECDSA-P384-SHA384": ecdsaOf(elliptic.P384(), crypto.SHA384,
			"RFC 6979 appendix A.2.6; computed with Go crypto/ecdsa",
			"6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"+
				"96d5724e4c70a825f872c9ea60d2edf5",
			"94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"+
				"81a648152e44acf96e36dd1e80fabe46"),
		"signature/ECDSA-P521-SHA512": ecdsaOf(elliptic.P521(), crypto.SHA512,
			"RFC 6979 appendix A.2.7; computed with Go crypto/ecdsa",
			"00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75"+
				"caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
			"00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f"+
				"174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa"),
		"signature/Ed25519":     ed25519Of(),
		"signature/Ed448":       ed448Of(),
		"signature/RSA-PSS":     rsaPss(false),
		"signature/RSA-PSS-PSS": rsaPss(true),
	}
}

// Deterministic signatures (FIPS 204 algorithm 2 with rnd of zeros), without and with a context.
func mlDsa(name string) signatureVectors {
	scheme := schemes.ByName(name)
	seed := ascending(0, 32)
	public, private := scheme.DeriveKey(seed)
	sum := sha256.Sum256(result(public.MarshalBinary()))
	vectors := signatureVectors{
		Source: "FIPS 204 algorithms 1 to 3, the deterministic variant, computed with CIRCL from the" +
			" seed of RFC 9881's examples",
		Seed:            seed,
		PublicKeySha256: sum[:],
	}
	for _, context := range []string{"", "Postern"} {
		message := Bytes("sample")
		options := &sign.SignatureOpts{Context: context}
		signature := scheme.Sign(private, message, options)
		if !scheme.Verify(public, message, signature, options) {
			log.Fatalf("%s: not verified", name)
		}
		vectors.Signatures = append(vectors.Signatures,
			signatureVector{message, Bytes(context), signature})
	}
	return vectors
}

// The deterministic signature of "sample", whose r the RFC prints.
func ecdsaOf(curve elliptic.Curve, hash crypto.Hash, source, private, printedR string) signatureVectors {
	key := result(ecdsa.ParseRawPrivateKey(curve, unhex(private)))
	message := Bytes("sample")
	digest := hash.New()
	digest.Write(message)
	signature := result(key.Sign(nil, digest.Sum(nil), hash))
	r := strings.TrimLeft(hex.EncodeToString(unhex(printedR)), "0")
	if !strings.Contains(hex.EncodeToString(signature), r) {
		log.Fatalf("%s: %x", source, signature)
	}
	return signatureVectors{
		Source:     source,
		PublicKey:  result(x509.MarshalPKIXPublicKey(&key.PublicKey)),
		Signatures: []signatureVector{{message, nil, signature}},
	}
}

func ed25519Of() signatureVectors {
	const source = "RFC 8032 section 7.1, test 3; computed with Go crypto/ed25519"
	seed := unhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	sum := sha256.Sum256(published(source, public,
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"))
	message := Bytes{0xaf, 0x82}
	return signatureVectors{
		Source:          source,
		Seed:            seed,
		PublicKeySha256: sum[:],
		Signatures: []signatureVector{{message, nil, published(source, ed25519.Sign(key, message),
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"+
				"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")}},
	}
}

func ed448Of() signatureVectors {
	const source = "RFC 8032 section 7.4, 1 octet; computed with CIRCL"
	seed := unhex("c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463a" +
		"fbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e")
	key := ed448.NewKeyFromSeed(ed448.PrivateKey(seed)[:ed448.SeedSize])
	public := key.Public().(ed448.PublicKey)
	sum := sha256.Sum256(published(source, public,
		"43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802"+
			"b8438ea4cb82169c235160627b4c3a9480"))
	message := Bytes{0x03}
	return signatureVectors{
		Source:          source,
		Seed:            seed,
		PublicKeySha256: sum[:],
		Signatures: []signatureVector{{message, nil, published(source, ed448.Sign(key, message, ""),
			"26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7"+
				"e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336"+
				"c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00")}},
	}
}

// A new key and a new salt each time: nothing keeps the private key.
func rsaPss(pssKey bool) signatureVectors {
	key := result(rsa.GenerateKey(rand.Reader, 2048))
	message := Bytes("sample")
	digest := sha256.Sum256(message)
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	signature := result(rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], options))
	public := result(x509.MarshalPKIXPublicKey(&key.PublicKey))
	if pssKey {
		public = asPssKey(public)
	}
	return signatureVectors{
		Source:     "computed with Go crypto/rsa, a key of 2048 bits, RFC 8017 section 8.1",
		PublicKey:  public,
		Signatures: []signatureVector{{message, nil, signature}},
	}
}

// The same key under id-RSASSA-PSS without parameters (RFC 4055 section 3.1).
func asPssKey(public []byte) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	rest := result(asn1.Unmarshal(public, &info))
	if !bytes.Equal(rest, nil) {
		log.Fatal("trailing bytes")
	}
	info.Algorithm = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}}
	return result(asn1.Marshal(info))
}
