// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"io"

	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// propertyReport is a property with its present value; without a value while there is no App.
type propertyReport struct {
	property.Property
	Value any `json:"value,omitempty"`
}

func listProperties(ctx context.Context, s *session.Session, output *session.OutputFormat) error {
	schema, spec, err := schemaAndSpec(ctx, s)
	if err != nil {
		return err
	}
	reports := []propertyReport{}
	for _, p := range schema.Properties() {
		reports = append(reports, propertyReport{p, property.Value(spec, p.Name)})
	}
	return output.Print(s.Out, reports, func(w io.Writer) {
		fmt.Fprintln(w, "PROPERTY\tTYPE\tVALUE\tDEFAULT\tDESCRIPTION")
		for _, p := range reports {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Form(), property.Show(p.Value), property.Show(p.Default), firstSentence(p.Description))
		}
	})
}
