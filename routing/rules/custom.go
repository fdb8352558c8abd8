package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"sluice"
)

// exprEnv is everything that an expression may name. It has no methods and reaches nothing outside: an
// expression sees the facts of its request alone.
type exprEnv struct {
	Policy      string               `expr:"policy"`
	Score       float64              `expr:"score"`
	Threshold   float64              `expr:"threshold"`
	Probability func(string) float64 `expr:"probability"`
	Router      string               `expr:"router"`
	Text        string               `expr:"text"`
	Chars       int                  `expr:"chars"`
	Words       int                  `expr:"words"`
	Sentences   int                  `expr:"sentences"`
	Lines       int                  `expr:"lines"`
	Questions   int                  `expr:"questions"`
	Longest     int                  `expr:"longest"`
	Digits      float64              `expr:"digits"`
	Upper       float64              `expr:"upper"`
	Math        int                  `expr:"math"`
	Code        int                  `expr:"code"`
	Language    string               `expr:"language"`
	Tenant      string               `expr:"tenant"`
	Tags        []string             `expr:"tags"`
	Key         string               `expr:"key"`
	Budget      exprBudget           `expr:"budget"`
	Latency     func(string) float64 `expr:"latency"`
	Now         exprTime             `expr:"now"`
}

type exprBudget struct {
	Name    string  `expr:"name"`
	Spent   float64 `expr:"spent"`
	LeftUSD float64 `expr:"left_usd"`
}

// exprTime is the time of the request, UTC.
type exprTime struct {
	Hour    int    `expr:"hour"`
	Minute  int    `expr:"minute"`
	Weekday string `expr:"weekday"`
	Date    string `expr:"date"`
}

// The bounds of one expression. It has no loop, no variable and no function that makes text longer, so
// that its cost is at most its length times the text's.
const (
	exprBytes  = 2000
	exprNodes  = 200
	exprMemory = 10_000
)

// allowedBuiltins neither loop nor read a clock, a file or the environment.
var allowedBuiltins = []string{
	"len", "abs", "ceil", "floor", "round", "int", "float", "string",
	"lower", "upper", "trim", "hasPrefix", "hasSuffix", "indexOf", "min", "max",
}

// custom compiles an expression into a condition. Faults are those of syntax, of types, of names that do
// not exist, and whatever could make its cost unbounded.
func (c compiler) custom(k checker, text string) condition {
	if text == "" {
		return nil
	}
	const key = "when.expr"
	k.want(len(text) <= exprBytes, key, fmt.Sprintf("has %d bytes, at most %d", len(text), exprBytes), "make several rules of it")
	if len(text) > exprBytes {
		return nil
	}
	tree, err := parser.Parse(text)
	if err != nil {
		k.want(false, key, oneLine(err), "see docs/routing.md")
		return nil
	}
	guard := sandbox{c: c}
	ast.Walk(&tree.Node, &guard)
	for _, problem := range guard.problems {
		k.want(false, key, problem, "see docs/routing.md")
	}
	if len(guard.problems) > 0 {
		return nil
	}
	program, err := expr.Compile(text, exprOptions()...)
	if err != nil {
		k.want(false, key, oneLine(err), "see docs/routing.md")
		return nil
	}
	return func(e *eval) (bool, error) {
		out, err := e.machine.Run(program, e.facts())
		if err != nil {
			return false, fmt.Errorf("expression: %s", oneLine(err))
		}
		holds, ok := out.(bool)
		if !ok {
			return false, fmt.Errorf("expression: the result is a %T, not true or false", out)
		}
		return holds, nil
	}
}

func exprOptions() []expr.Option {
	options := []expr.Option{expr.Env(&exprEnv{}), expr.AsBool(), expr.MaxNodes(exprNodes), expr.DisableAllBuiltins()}
	for _, name := range allowedBuiltins {
		options = append(options, expr.EnableBuiltin(name))
	}
	return options
}

// oneLine is the first line of expr's error, which goes on with a drawing.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// sandbox walks over an expression and finds what it may not hold.
type sandbox struct {
	c        compiler
	problems []string
}

// Visit implements ast.Visitor.
func (s *sandbox) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		s.refuse("variables and sequences are not allowed")
	case *ast.PredicateNode, *ast.PointerNode:
		s.refuse("loops are not allowed")
	case *ast.BinaryNode:
		if n.Operator == ".." {
			s.refuse("ranges are not allowed")
		}
		if _, fixed := n.Right.(*ast.StringNode); n.Operator == "matches" && !fixed {
			s.refuse("the pattern of matches must be a literal")
		}
		if n.Operator == "==" || n.Operator == "!=" || n.Operator == "in" {
			s.compared(n.Left, n.Right)
			s.compared(n.Right, n.Left)
		}
	case *ast.BuiltinNode:
		s.builtin(n.Name)
	case *ast.IdentifierNode:
		if strings.HasPrefix(n.Value, "$") {
			s.refuse(n.Value + " is not allowed")
		}
	case *ast.CallNode:
		s.call(n)
	}
}

// compared checks what policy is compared with: a name that no policy has would hold never, and silently.
func (s *sandbox) compared(one, other ast.Node) {
	if id, ok := one.(*ast.IdentifierNode); !ok || id.Value != "policy" {
		return
	}
	names := []ast.Node{other}
	if list, ok := other.(*ast.ArrayNode); ok {
		names = list.Nodes
	}
	for _, n := range names {
		if name, fixed := n.(*ast.StringNode); fixed {
			s.policy(name.Value)
		}
	}
}

func (s *sandbox) policy(name string) {
	if _, known := s.c.static[sluice.Policy(name)]; !known {
		s.refuse(fmt.Sprintf("%q is no policy", name))
	}
}

func (s *sandbox) refuse(problem string) {
	if !slices.Contains(s.problems, problem) {
		s.problems = append(s.problems, problem)
	}
}

func (s *sandbox) builtin(name string) {
	if !slices.Contains(allowedBuiltins, name) {
		s.refuse(name + " is not allowed; the functions are probability, latency, " + strings.Join(allowedBuiltins, ", "))
	}
}

// call checks a call of a function that is no builtin: ours take the name of a policy or a model, which
// must be one that exists, so that a slip is found at load and not never.
func (s *sandbox) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		s.refuse("methods are not allowed")
		return
	}
	if callee.Value != "probability" && callee.Value != "latency" {
		s.builtin(callee.Value)
		return
	}
	if len(n.Arguments) != 1 {
		return // the type checker says so
	}
	name, fixed := n.Arguments[0].(*ast.StringNode)
	if !fixed {
		s.refuse("the argument of " + callee.Value + " must be a literal")
		return
	}
	if callee.Value == "probability" {
		s.policy(name.Value)
	}
	if callee.Value == "latency" && !s.c.spec.lists(name.Value) {
		s.refuse(fmt.Sprintf("%q is not listed in models", name.Value))
	}
}

// facts is the environment of this request's expressions.
func (e *eval) facts() *exprEnv {
	if e.envSet {
		return &e.env
	}
	f, at := e.Features, e.At.UTC()
	e.envSet = true
	e.env = exprEnv{
		Policy: string(e.Policy), Score: e.Score, Threshold: e.Threshold, Router: e.Router, Text: e.Text,
		Chars: f.Chars, Words: f.Words, Sentences: f.Sentences, Lines: f.Lines, Questions: f.Questions,
		Longest: f.Longest, Digits: f.Digits, Upper: f.Upper, Math: f.Math, Code: f.Code, Language: f.Language,
		Tenant: e.Tenant, Tags: e.Tags, Key: e.KeyID,
		Budget:      exprBudget{e.Budget.Name, e.Budget.Spent, float64(e.Budget.Left) / 1e6},
		Now:         exprTime{at.Hour(), at.Minute(), strings.ToLower(at.Weekday().String()), at.Format(time.DateOnly)},
		Probability: e.env.Probability, Latency: e.env.Latency,
	}
	return &e.env
}

func (e *eval) probability(policy string) float64 { return e.Probabilities[sluice.Policy(policy)] }

// latencyMS is a model's live 95th percentile in milliseconds; 0 where it is not known.
func (e *eval) latencyMS(model string) float64 {
	return float64(e.Latency[model]) / float64(time.Millisecond)
}
