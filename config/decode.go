package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/spelling"
)

// decoder lays a YAML tree over a Config, key by key, and collects every fault with its place.
type decoder struct {
	// where names the place of a node.
	where  func(*yaml.Node) string
	faults *FaultsError
	// set remembers who set each key, for the faults that validation finds later.
	set map[string]string
}

var durationType = reflect.TypeFor[time.Duration]()

// decode lays n over v; key is v's path.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		d.faults.add(key, d.where(n), "has no value", "give one, or leave the key out to keep the default")
		return
	}
	switch {
	case v.Kind() == reflect.Struct:
		d.mapping(n, v, key)
	case v.Kind() == reflect.Slice:
		d.list(n, v, key)
	default:
		d.set[key] = d.where(n)
		d.scalar(n, v, key)
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		d.faults.add(key, d.where(n), "wants keys of its own", "its keys are "+strings.Join(keysOf(v.Type()), ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		path := join(key, name)
		field, known := fieldOf(v, name)
		switch {
		case !known:
			d.faults.add(path, d.where(n.Content[i]), "no such key", nearest(name, keysOf(v.Type())))
		case seen[name]:
			d.faults.add(path, d.where(n.Content[i]), "given twice", "keep one")
		default:
			d.decode(n.Content[i+1], field, path)
		}
		seen[name] = true
	}
}

// nearest names the key that was probably meant, or all that there are.
func nearest(name string, keys []string) string {
	if meant := spelling.Meant(name, keys); meant != "" {
		return "did you mean " + meant + "?"
	}
	return "the keys here are " + strings.Join(keys, ", ")
}

// list replaces the whole default list.
func (d *decoder) list(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		d.faults.add(key, d.where(n), "wants a list", "write [] for an empty one")
		return
	}
	d.set[key] = d.where(n)
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		entry := out.Index(i)
		entry.Set(reflect.ValueOf(fresh(entry.Interface())))
		at := fmt.Sprintf("%s[%d]", key, i)
		d.decode(item, entry, at)
		if m, ok := entry.Addr().Interface().(*Model); ok && d.set[join(at, "key_env")] == "" {
			m.KeyEnv = m.usualKeyEnv()
		}
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.ScalarNode {
		d.faults.add(key, d.where(n), "wants one value, not a list or keys", "want "+typeName(v.Type()))
		return
	}
	if err := setScalar(v, n.Value); err != nil {
		d.faults.add(key, d.where(n), fmt.Sprintf("%q is not %s", n.Value, typeName(v.Type())), "")
	}
}

// setScalar parses text as v's type wants it.
func setScalar(v reflect.Value, text string) error {
	if v.Type() == durationType {
		parsed, err := parseDuration(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(parsed))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			return err
		}
		v.SetInt(i)
	case reflect.Uint64:
		u, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return err
		}
		v.SetUint(u)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return err
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("no reading of a %s", v.Type())
	}
	return nil
}

// mostDays is how many days a duration can hold: 292 years.
const mostDays = math.MaxInt64 / int64(24*time.Hour)

// parseDuration reads Go's notation and whole days: "90s", "15m", "365d".
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err == nil && (n > mostDays || n < -mostDays) {
			return 0, fmt.Errorf("%q is longer than %d days", text, mostDays)
		}
		if err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	return time.ParseDuration(text)
}

// formatDuration writes what parseDuration reads, without the zeros of Go's own notation.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
