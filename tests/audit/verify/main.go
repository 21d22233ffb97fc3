// Checks an audit log with the verifiers of others: signed notes and trees of golang.org/x/mod, the
// client of filippo.io/torchwood, the fsck of Tessera.
//
//	verify log URL VKEY [OLD_CHECKPOINT]
//	verify proof FILE VKEY
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func openCheckpoint(text []byte, v note.Verifier) (torchwood.Checkpoint, error) {
	n, err := note.Open(text, note.VerifierList(v))
	if err != nil {
		return torchwood.Checkpoint{}, err
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	if err == nil && c.Origin != v.Name() {
		err = errors.New("the origin is not the name of the key")
	}
	return c, err
}

func fetch(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// Every entry, each with its hash proven by the tiles.
func checkEntries(ctx context.Context, tiles torchwood.TileReader, tree tlog.Tree) error {
	c, err := torchwood.NewClient(tiles)
	if err != nil {
		return err
	}
	var seen int64
	for i := range c.Entries(ctx, tree, 0) {
		if i != seen {
			return fmt.Errorf("entry %d follows %d", i, seen-1)
		}
		seen++
	}
	// Entries in a tile that is not full are left for later by this iterator.
	if err := c.Err(); err != nil {
		return err
	}
	for ; seen < tree.N; seen++ {
		entry, proof, err := c.Entry(ctx, tree, seen)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, seen, tlog.RecordHash(entry)); err != nil {
			return err
		}
	}
	return nil
}

func checkExtension(ctx context.Context, tiles torchwood.TileReader, v note.Verifier, tree tlog.Tree, old string) error {
	text, err := os.ReadFile(old)
	if err != nil {
		return err
	}
	before, err := openCheckpoint(text, v)
	if err != nil || before.N == 0 {
		return err
	}
	hashes := torchwood.TileHashReaderWithContext(ctx, tree, tiles)
	proof, err := tlog.ProveTree(tree.N, before.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash)
}

func leaves(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}

func checkTiles(ctx context.Context, where string, v note.Verifier) error {
	base, err := url.Parse(where + "/")
	if err != nil {
		return err
	}
	f, err := client.NewHTTPFetcher(base, nil)
	if err != nil {
		return err
	}
	return fsck.New(v.Name(), v, f, leaves, fsck.Opts{N: 2}).Check(ctx)
}

func checkLog(where string, v note.Verifier, old string) error {
	ctx := context.Background()
	text, err := fetch(where + "/checkpoint")
	if err != nil {
		return err
	}
	c, err := openCheckpoint(text, v)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if c.N == 0 {
		return nil
	}
	tiles, err := torchwood.NewTileFetcher(where, torchwood.WithConcurrencyLimit(4))
	if err != nil {
		return err
	}
	if err := checkEntries(ctx, tiles, c.Tree); err != nil {
		return fmt.Errorf("torchwood: %w", err)
	}
	if old != "" {
		if err := checkExtension(ctx, tiles, v, c.Tree, old); err != nil {
			return fmt.Errorf("x/mod: %w", err)
		}
	}
	if err := checkTiles(ctx, where, v); err != nil {
		return fmt.Errorf("tessera: %w", err)
	}
	return nil
}

// c2sp.org/tlog-proof, whose extra data is the entry.
func checkProof(path string, v note.Verifier) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("this is no proof")
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	c, err := openCheckpoint(checkpoint, v)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, c.N, c.Hash, index, tlog.RecordHash(entry))
}

func run(args []string) error {
	if len(args) < 4 {
		return errors.New("usage: verify log URL VKEY [OLD_CHECKPOINT] | verify proof FILE VKEY")
	}
	v, err := note.NewVerifier(args[3])
	if err != nil {
		return err
	}
	if args[1] == "proof" {
		return checkProof(args[2], v)
	}
	old := ""
	if len(args) > 4 {
		old = args[4]
	}
	return checkLog(args[2], v, old)
}

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
