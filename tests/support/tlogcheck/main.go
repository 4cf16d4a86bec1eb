// Command tlogcheck verifies what the exchange proves with other people's libraries: golang.org/x/mod/sumdb
// (tlog, note) and filippo.io/torchwood. It shares no code with the exchange; the tests run it on both genuine
// and altered files.
//
//	tlogcheck checkpoint POLICY NOTE
//	tlogcheck proof POLICY RECORD PROOF       a c2sp.org/tlog-proof of the record's bytes
//	tlogcheck evidence POLICY FILE            an evidence file
//	tlogcheck consistency OLD NEW HASH...     sizes and roots as "size:base64", the proof in base64
//	tlogcheck cosign NAME SEED NOTE           prints the note with a cosignature by the Ed25519 seed (hex)
//	tlogcheck key NAME SEED                   prints that witness's verifier key
//
// It prints what it found and exits 0, or says why not and exits 1.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type evidence struct {
	Form       string
	V          int
	Asked      []int64
	Checkpoint string
	Entries    []struct {
		Index  int64
		Record string
		Proof  []string
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("which check?")
	}
	switch args[0] {
	case "consistency":
		return consistency(args[1:])
	case "cosign":
		return cosign(args[1], args[2], args[3])
	case "key":
		return key(args[1], args[2])
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	switch args[0] {
	case "checkpoint":
		return checkpoint(policy, data)
	case "proof":
		return proof(policy, data, args[3])
	case "evidence":
		return check(policy, data)
	}
	return errors.New("no such check")
}

func checkpoint(policy torchwood.Policy, signed []byte) error {
	found, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return err
	}
	fmt.Println(found.Origin, found.N, found.Hash)
	return nil
}

func proof(policy torchwood.Policy, record []byte, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(record), text); err != nil {
		return err
	}
	fmt.Println("proven")
	return nil
}

func check(policy torchwood.Policy, data []byte) error {
	var found evidence
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	if found.Form != "exchange.v1.evidence" || found.V != 1 || len(found.Asked) == 0 {
		return errors.New("not an evidence file")
	}
	tree, _, err := torchwood.VerifyCheckpoint([]byte(found.Checkpoint), policy)
	if err != nil {
		return err
	}
	for _, entry := range found.Entries {
		path, err := hashes(entry.Proof)
		if err != nil {
			return err
		}
		leaf := tlog.RecordHash([]byte(entry.Record))
		if err := tlog.CheckRecord(tlog.RecordProof(path), tree.N, tree.Hash, entry.Index, leaf); err != nil {
			return fmt.Errorf("record %d: %w", entry.Index, err)
		}
	}
	fmt.Println("proven", len(found.Entries))
	return nil
}

func consistency(args []string) error {
	if len(args) < 2 {
		return errors.New("consistency needs two trees")
	}
	oldSize, oldRoot, err := tree(args[0])
	if err != nil {
		return err
	}
	newSize, newRoot, err := tree(args[1])
	if err != nil {
		return err
	}
	path, err := hashes(args[2:])
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(tlog.TreeProof(path), newSize, newRoot, oldSize, oldRoot); err != nil {
		return err
	}
	fmt.Println("consistent")
	return nil
}

func tree(text string) (int64, tlog.Hash, error) {
	size, root, _ := strings.Cut(text, ":")
	number, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	hash, err := tlog.ParseHash(root)
	return number, hash, err
}

func hashes(encoded []string) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, text := range encoded {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(data) != tlog.HashSize {
			return nil, fmt.Errorf("no hash: %q", text)
		}
		found = append(found, tlog.Hash(data))
	}
	return found, nil
}

func signer(name, seed string) (*torchwood.CosignatureSigner, error) {
	data, err := hex.DecodeString(seed)
	if err != nil || len(data) != ed25519.SeedSize {
		return nil, errors.New("a seed is 32 bytes in hex")
	}
	return torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(data))
}

func key(name, seed string) error {
	found, err := signer(name, seed)
	if err != nil {
		return err
	}
	fmt.Println(found.Verifier().String())
	return nil
}

func cosign(name, seed, path string) error {
	witness, err := signer(name, seed)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	opened, err := note.Open(text, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		opened = unverified.Note
	} else if err != nil {
		return err
	}
	signed, err := note.Sign(opened, witness)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(signed)
	return err
}
