package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"sluice/config"
)

// documents are the texts of the project for its users, by their path; decisions of old (docs/adr) are history and may
// name what is no more.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/results/README.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range found {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(data)
		}
	}
	return files
}

var (
	fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	code  = regexp.MustCompile("`([^`\n]+)`")
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// codeOf is the pieces of a text that are set as code, blocks left out.
func codeOf(text string) []string {
	var all []string
	for _, m := range code.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, m[1])
	}
	return all
}

// misnamed says what of a command line the program does not know; empty: nothing.
func misnamed(app *kong.Node, line string) string {
	node, isValue := app, false
	for _, word := range strings.Fields(line)[1:] {
		if isValue {
			isValue = false
			continue
		}
		word = strings.Trim(word, "'\".,;)")
		if strings.ContainsAny(word, "|>#&;") {
			return ""
		}
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
			name, _, given := strings.Cut(name, "=")
			flag := flagOf(node, name)
			if flag == nil {
				return "--" + name
			}
			isValue = !given && !flag.IsBool()
			continue
		}
		next := child(node, word)
		if next == nil {
			if len(node.Children) > 0 {
				return word
			}
			continue // an argument
		}
		node = next
	}
	return ""
}

func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func flagOf(n *kong.Node, name string) *kong.Flag {
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Name == name {
				return f
			}
		}
	}
	return nil
}

func TestDocumentsNameCommandsAndFlagsThatThereAre(t *testing.T) {
	app, err := kong.New(&cli{}, kong.Name("sluice"), kong.ExplicitGroups(groups))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for path, text := range documents(t) {
		lines := codeOf(text)
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			if block[1] == "sh" || block[1] == "text" || block[1] == "" {
				lines = append(lines, strings.Split(block[2], "\n")...)
			}
		}
		for _, line := range lines {
			line = strings.TrimPrefix(line, "$ ")
			if !strings.HasPrefix(line, "sluice ") {
				continue
			}
			checked++
			if unknown := misnamed(app.Model.Node, line); unknown != "" {
				t.Errorf("%s: `%s`: the program knows no %s", path, line, unknown)
			}
		}
	}
	if checked < 100 {
		t.Errorf("%d command lines were found in all documents: is the test still reading them?", checked)
	}
}

// keysUnder collects the dotted keys of a section of the configuration, those of lists' entries without an index.
func keysUnder(of reflect.Type, path string, keys map[string]bool) {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return
	}
	for f := range of.Fields() {
		key := f.Tag.Get("key")
		if key == "" || key == "-" {
			continue
		}
		if path != "" {
			key = path + "." + key
		}
		keys[key] = true
		keysUnder(f.Type, key, keys)
	}
}

func TestDocumentsNameKeysOfTheConfigurationThatThereAre(t *testing.T) {
	keys := map[string]bool{}
	keysUnder(reflect.TypeFor[config.Config](), "", keys)
	dotted := regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)
	checked := 0
	for path, text := range documents(t) {
		for _, s := range codeOf(text) {
			s, _, _ = strings.Cut(s, ":")
			section, _, _ := strings.Cut(s, ".")
			if !dotted.MatchString(s) || !keys[section] || strings.HasSuffix(s, ".yaml") || strings.HasSuffix(s, ".json") {
				continue
			}
			checked++
			if !keys[s] {
				t.Errorf("%s: the configuration has no key %s", path, s)
			}
		}
	}
	if checked < 50 {
		t.Errorf("%d keys were found in all documents: is the test still reading them?", checked)
	}
}

func TestDocumentsNameMetricsThatThereAre(t *testing.T) {
	name := regexp.MustCompile(`\bsluice_[a-z_]+\b`)
	literal := regexp.MustCompile(`"([a-z_]+)"`)                                           // those of a gateway are named without their prefix
	known := map[string]bool{demoDatabase: true, "sluice_owner": true, "sluice_app": true} // databases and users
	for _, room := range []string{"meter", "gateway/metrics"} {
		files, err := filepath.Glob(filepath.Join("..", "..", room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", room, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range name.FindAllString(string(data), -1) {
				known[m] = true
			}
			for _, m := range literal.FindAllStringSubmatch(string(data), -1) {
				known["sluice_gateway_"+m[1]] = true
			}
		}
	}
	checked := 0
	for path, text := range documents(t) {
		for _, s := range codeOf(text) {
			m := name.FindString(s)
			if m == "" || !strings.HasPrefix(s, m) || strings.HasSuffix(m, "_") {
				continue
			}
			if checked++; !known[m] {
				t.Errorf("%s: nothing measures %s", path, m)
			}
		}
	}
	if checked < 40 {
		t.Errorf("%d metrics were found in all documents: is the test still reading them?", checked)
	}
}

// exported are the names that the house's packages export, as others write them: "routing.Parse", "rules.Mapper.Map".
func exported(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && len(d.Name()) > 2 && d.Name()[0] == '.' {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			for _, name := range declared(d) {
				names[file.Name.Name+"."+name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// declared are the functions, methods and types of a declaration.
func declared(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		of := d.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if of, ok := of.(*ast.Ident); ok {
			return []string{of.Name + "." + d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			if s, ok := s.(*ast.TypeSpec); ok {
				names = append(names, s.Name.Name)
			}
		}
		return names
	}
	return nil
}

func TestTheMapOfTheArchitectureNamesWhatThereIs(t *testing.T) {
	names := exported(t)
	name := regexp.MustCompile(`^[a-z]+\.[A-Z]\w+(\.[A-Z]\w+)?$`)
	checked := 0
	for path, text := range documents(t) {
		for _, s := range codeOf(text) {
			if !name.MatchString(s) || filepath.Base(path) != "architecture.md" {
				continue
			}
			if checked++; !names[s] {
				t.Errorf("%s: there is no %s", path, s)
			}
		}
	}
	if checked < 30 {
		t.Errorf("%d names of Go were found: is the test still reading them?", checked)
	}
}

// anchor is how a heading is linked to.
func anchor(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(heading)) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestDocumentsLinkToWhatThereIs(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	place := regexp.MustCompile(`^[a-z_.]+(/[A-Za-z0-9_.-]+)+$`)
	root := os.DirFS(filepath.Join("..", ".."))
	for path, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, to, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			data, err := os.ReadFile(target)
			if info, dir := os.Stat(target); err != nil && (dir != nil || !info.IsDir()) {
				t.Errorf("%s: %v", path, err)
			}
			found := to == ""
			for _, h := range heading.FindAllStringSubmatch(string(data), -1) {
				found = found || anchor(h[1]) == to
			}
			if !found {
				t.Errorf("%s: %s has no heading #%s", path, target, to)
			}
		}
		for _, s := range codeOf(text) {
			first, _, _ := strings.Cut(s, "/")
			// A file of the architecture, or of whoever ran the program here.
			theirs := strings.HasSuffix(s, ".py") || first == ".sluice"
			if _, err := fs.Stat(root, first); theirs || !place.MatchString(s) || err != nil {
				continue
			}
			if _, err := fs.Stat(root, s); err != nil {
				t.Errorf("%s: `%s`: %v", path, s, err)
			}
		}
	}
}

func TestTheAnalystsQuestionsNameTheJudgeOfTheDefaultConfiguration(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "analysts.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`judge_version = '(\w+)'`).FindAllStringSubmatch(string(data), -1)
	if len(asked) == 0 || asked[0][1] != config.Default().Judge.Version {
		t.Errorf("the first question asks about judge %v, and by default judges are %s", asked, config.Default().Judge.Version)
	}
}
