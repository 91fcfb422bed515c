// SPDX-License-Identifier: Apache-2.0

package template

import "text/template/parse"

// walk visits a parse tree, depth first. It does not visit what is below a node for which visit
// returns false.
func walk(node parse.Node, visit func(parse.Node) bool) {
	if !visit(node) {
		return
	}
	for _, child := range children(node) {
		walk(child, visit)
	}
}

func children(node parse.Node) []parse.Node {
	switch n := node.(type) {
	case *parse.ListNode:
		return n.Nodes
	case *parse.ActionNode:
		return []parse.Node{n.Pipe}
	case *parse.PipeNode:
		return pipeChildren(n)
	case *parse.CommandNode:
		return n.Args
	case *parse.ChainNode:
		return []parse.Node{n.Node}
	case *parse.IfNode:
		return branchChildren(n.BranchNode)
	case *parse.WithNode:
		return branchChildren(n.BranchNode)
	case *parse.RangeNode:
		return branchChildren(n.BranchNode)
	}
	return nil
}

func pipeChildren(pipe *parse.PipeNode) []parse.Node {
	all := make([]parse.Node, len(pipe.Cmds))
	for i, command := range pipe.Cmds {
		all[i] = command
	}
	return all
}

// branchChildren leaves out an absent else: it is a nil pointer, and would not be a nil interface.
func branchChildren(branch parse.BranchNode) []parse.Node {
	all := []parse.Node{branch.Pipe, branch.List}
	if branch.ElseList != nil {
		all = append(all, branch.ElseList)
	}
	return all
}
