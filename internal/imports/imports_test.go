package imports

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sluice"

// file is one Go file and what it imports.
type file struct {
	name, room string
	test       bool
	imports    []string
}

// house parses the imports of every Go file of the module.
func house(t *testing.T) []file {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	var files []file
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (d.Name()[0] == '.' || d.Name() == "testdata" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := file{name: name, room: strings.TrimPrefix(path.Dir(name), "."), test: strings.HasSuffix(name, "_test.go")}
		for _, i := range parsed.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d Go files found: the rules were not held against the house", len(files))
	}
	return files
}

// ours is the room of an import of this module.
func ours(imported string) (room string, ok bool) {
	if imported == module {
		return "", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func TestImportsRunDownwardsOnly(t *testing.T) {
	for _, f := range house(t) {
		if f.test || strings.HasPrefix(f.room, "internal/") {
			continue
		}
		allowed, known := rooms[f.room]
		if !known {
			t.Errorf("%s: the folder has no line in internal/imports/rules.go: say what it may import", f.name)
			continue
		}
		for _, imported := range f.imports {
			if room, ok := ours(imported); ok {
				if !slices.Contains(allowed, room) && !slices.Contains(allowed, everything) {
					t.Errorf("%s imports %s, which %q may not: see internal/imports/rules.go", f.name, imported, f.room)
				}
				continue
			}
			if fault := foreigner(f.room, imported); fault != "" {
				t.Errorf("%s imports %s: %s", f.name, imported, fault)
			}
		}
	}
}

// foreigner says why a room may not import a package of another module; empty if it may.
func foreigner(room, imported string) string {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for prefix, allowed := range foreign {
		if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
			if slices.Contains(allowed, room) {
				return ""
			}
			return "only " + strings.Join(allowed, ", ") + " may"
		}
	}
	return "no room may, or internal/imports/rules.go lacks the module's line"
}

// TestNoStageKnowsAnother: a stage's folder, its tests included, imports no other stage, and neither the
// log's nor the database's driver.
func TestNoStageKnowsAnother(t *testing.T) {
	stages := 0
	for _, f := range house(t) {
		if !strings.HasPrefix(f.room, "consumers/") {
			continue
		}
		stages++
		for _, imported := range f.imports {
			room, ok := ours(imported)
			if ok && strings.HasPrefix(room, "consumers/") && room != f.room {
				t.Errorf("%s imports the stage %s", f.name, room)
			}
			driver := strings.Contains(imported, "nats-io/") || strings.Contains(imported, "jackc/pgx")
			if driver && !f.test {
				t.Errorf("%s imports %s: stages take messages and give messages", f.name, imported)
			}
		}
	}
	if stages == 0 {
		t.Error("no stages found")
	}
}

// TestHarnessesStayInTests: nothing that is built into the program imports internal/.
func TestHarnessesStayInTests(t *testing.T) {
	for _, f := range house(t) {
		for _, imported := range f.imports {
			if strings.HasPrefix(imported, module+"/internal/") && !f.test && !strings.HasPrefix(f.room, "internal/") {
				t.Errorf("%s imports %s", f.name, imported)
			}
		}
	}
}

// TestEveryRuleIsOfARoom: a rule of a folder that is gone, or that names one, is no rule.
func TestEveryRuleIsOfARoom(t *testing.T) {
	there := map[string]bool{everything: true}
	for _, f := range house(t) {
		there[f.room] = true
	}
	for room, allowed := range rooms {
		for _, r := range append(slices.Clone(allowed), room) {
			if !there[r] {
				t.Errorf("rules.go speaks of %q, which is no folder", r)
			}
		}
	}
	for prefix, allowed := range foreign {
		for _, r := range allowed {
			if !there[r] {
				t.Errorf("rules.go lets %q import %s, which is no folder", r, prefix)
			}
		}
	}
}

// TestEveryPermissionIsUsed: what no file of a room imports, the room need not be allowed.
func TestEveryPermissionIsUsed(t *testing.T) {
	used := map[string]map[string]bool{}
	for _, f := range house(t) {
		if f.test {
			continue
		}
		if used[f.room] == nil {
			used[f.room] = map[string]bool{}
		}
		for _, imported := range f.imports {
			if room, ok := ours(imported); ok {
				used[f.room]["sluice/"+room] = true
				continue
			}
			for prefix := range foreign {
				if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
					used[f.room][prefix] = true
				}
			}
		}
	}
	for room, allowed := range rooms {
		for _, r := range allowed {
			if r != everything && !used[room]["sluice/"+r] {
				t.Errorf("rules.go lets %q import %q, and it does not", room, r)
			}
		}
	}
	for prefix, allowed := range foreign {
		for _, r := range allowed {
			if !used[r][prefix] {
				t.Errorf("rules.go lets %q import %s, and it does not", r, prefix)
			}
		}
	}
}
