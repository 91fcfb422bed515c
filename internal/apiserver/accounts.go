// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"crypto/ecdsa"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// issuer is the issuer of service account tokens.
const issuer = "https://kubernetes.default.svc"

// accounts issues and verifies service account tokens, which scripts may use instead of the user's.
type accounts struct {
	audiences authenticator.Audiences
	generator serviceaccount.TokenGenerator
	verifier  authenticator.Token
}

func newAccounts(key *ecdsa.PrivateKey, client kubernetes.Interface) (accounts, error) {
	generator, err := serviceaccount.JWTTokenGenerator(issuer, key)
	if err != nil {
		return accounts{}, fmt.Errorf("preparing service account tokens: %w", err)
	}
	keys, err := serviceaccount.StaticPublicKeysGetter([]any{&key.PublicKey})
	if err != nil {
		return accounts{}, fmt.Errorf("preparing service account tokens: %w", err)
	}
	audiences := authenticator.Audiences{issuer}
	validator := serviceaccount.NewValidator(accountGetter{client})
	return accounts{
		audiences: audiences,
		generator: generator,
		verifier:  serviceaccount.JWTTokenAuthenticator([]string{issuer}, keys, audiences, validator),
	}, nil
}

// accountGetter reads the objects that a token is bound to. It uses no cache: such requests are
// rare, and the token of a deleted account must be refused at once.
type accountGetter struct{ client kubernetes.Interface }

func (g accountGetter) GetServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return g.client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
}

func (g accountGetter) GetSecret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return g.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

func (accountGetter) GetPod(_ context.Context, _, name string) (*corev1.Pod, error) {
	return nil, apierrors.NewNotFound(corev1.Resource("pods"), name)
}

func (accountGetter) GetNode(_ context.Context, name string) (*corev1.Node, error) {
	return nil, apierrors.NewNotFound(corev1.Resource("nodes"), name)
}

func (accountGetter) GetValidatingWebhookConfiguration(
	_ context.Context, name string,
) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	return nil, apierrors.NewNotFound(admissionregistrationv1.Resource("validatingwebhookconfigurations"), name)
}

func (accountGetter) GetMutatingWebhookConfiguration(
	_ context.Context, name string,
) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	return nil, apierrors.NewNotFound(admissionregistrationv1.Resource("mutatingwebhookconfigurations"), name)
}
