// Note_check opens a checkpoint with golang.org/x/mod/sumdb/note and checks an inclusion path with
// golang.org/x/mod/sumdb/tlog: programs that share nothing with this project.
//
//	note_check CHECKPOINT VKEYS [LEAF_HASH INDEX PATH]
//
// VKEYS has one verifier key a line. The checkpoint must carry a good line of every one of them.
// LEAF_HASH is in hex; PATH has one base64 hash a line, from the leaf to the root. Debian's
// golang-golang-x-mod-dev has the packages: GO111MODULE=off GOPATH=/usr/share/gocode go build.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A cosigner checks lines of c2sp.org/tlog-cosignature (cosignature/v1), which the note package
// does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func newVerifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(key) == 0 || key[0] != 0x04 {
		return note.NewVerifier(vkey)
	}
	if len(key) != 1+ed25519.PublicKeySize {
		return nil, errors.New("not an Ed25519 key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		return nil, errors.New("the key id is not the key's")
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:4]), key[1:]}, nil
}

func open(checkpoint, vkeys string) (*note.Note, error) {
	var verifiers []note.Verifier
	for _, vkey := range strings.Fields(vkeys) {
		verifier, err := newVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", vkey, err)
		}
		verifiers = append(verifiers, verifier)
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	if len(n.Sigs) != len(verifiers) {
		return nil, fmt.Errorf("%d of %d keys have a good line", len(n.Sigs), len(verifiers))
	}
	return n, nil
}

func parseTree(text string) (tlog.Tree, error) {
	var tree tlog.Tree
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return tree, errors.New("not a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tree, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tree, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

func checkPath(tree tlog.Tree, leafHash, index, path string) error {
	n, err := strconv.ParseInt(index, 10, 64)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(leafHash)
	if err != nil || len(raw) != tlog.HashSize {
		return errors.New("not a leaf hash")
	}
	var leaf tlog.Hash
	copy(leaf[:], raw)
	var proof tlog.RecordProof
	for _, line := range strings.Fields(path) {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf)
}

func read(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		fail(err)
	}
	return string(data)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "note_check: refused:", err)
	os.Exit(3)
}

func main() {
	if len(os.Args) != 3 && len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: note_check CHECKPOINT VKEYS [LEAF_HASH INDEX PATH]")
		os.Exit(2)
	}
	n, err := open(read(os.Args[1]), read(os.Args[2]))
	if err != nil {
		fail(err)
	}
	tree, err := parseTree(n.Text)
	if err != nil {
		fail(err)
	}
	if len(os.Args) == 6 {
		if err := checkPath(tree, os.Args[3], os.Args[4], read(os.Args[5])); err != nil {
			fail(err)
		}
	}
	fmt.Printf("OK %d keys, %d leaves, root %v\n", len(n.Sigs), tree.N, tree.Hash)
}
