// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"

	apiserverapi "k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	requestunion "k8s.io/apiserver/pkg/authentication/request/union"
	tokenunion "k8s.io/apiserver/pkg/authentication/token/union"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/informers"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"

	"rancherdesktop.io/rdd/internal/rules"
)

// openPaths are served to callers without a token.
var openPaths = []string{"/healthz", "/livez", "/readyz", "/version"}

// discoveryPrefixes may be read by every caller with a valid token.
var discoveryPrefixes = []string{"/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz"}

// tokens maps bearer tokens to user names. It keeps digests of tokens, so that the time of a lookup
// reveals nothing about them. It is safe for concurrent use.
type tokens struct {
	mu    sync.RWMutex
	users map[[sha256.Size]byte]string
}

func newTokens() *tokens { return &tokens{users: map[[sha256.Size]byte]string{}} }

func (t *tokens) add(token, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users[sha256.Sum256([]byte(token))] = name
}

// AuthenticateToken implements authenticator.Token.
func (t *tokens) AuthenticateToken(_ context.Context, token string) (*authenticator.Response, bool, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	name, ok := t.users[sha256.Sum256([]byte(token))]
	if !ok {
		return nil, false, nil
	}
	info := &user.DefaultInfo{Name: name, Groups: []string{user.SystemPrivilegedGroup}}
	return &authenticator.Response{User: info}, true, nil
}

// newAuthenticator returns an authenticator for known tokens and for service account tokens.
// Anonymous callers are accepted on the open paths only.
func newAuthenticator(known *tokens, serviceAccounts authenticator.Token) authenticator.Request {
	conditions := make([]apiserverapi.AnonymousAuthCondition, 0, len(openPaths))
	for _, path := range openPaths {
		conditions = append(conditions, apiserverapi.AnonymousAuthCondition{Path: path})
	}
	withToken := group.NewAuthenticatedGroupAdder(bearertoken.New(tokenunion.New(known, serviceAccounts)))
	return requestunion.NewFailOnError(withToken, anonymous.NewAuthenticator(conditions))
}

// trusted reports whether a user may do everything. rdd's own names count as well as the group, so
// that a user who impersonates one of them, which sets no group, has its rights.
func trusted(info user.Info) bool {
	if info.GetName() == rules.UserName || strings.HasPrefix(info.GetName(), rules.SystemPrefix) {
		return true
	}
	for _, name := range info.GetGroups() {
		if name == user.SystemPrivilegedGroup {
			return true
		}
	}
	return false
}

// access authorizes requests: trusted callers for everything, others for what RBAC allows, and for
// discovery.
type access struct{ roles *rbac.RBACAuthorizer }

func newAccess(shared informers.SharedInformerFactory) access {
	v1 := shared.Rbac().V1()
	return access{rbac.New(
		&rbac.RoleGetter{Lister: v1.Roles().Lister()},
		&rbac.RoleBindingLister{Lister: v1.RoleBindings().Lister()},
		&rbac.ClusterRoleGetter{Lister: v1.ClusterRoles().Lister()},
		&rbac.ClusterRoleBindingLister{Lister: v1.ClusterRoleBindings().Lister()},
	)}
}

func (a access) authorizer() authorizer.Authorizer { return authorizer.AuthorizerFunc(a.authorize) }

func (a access) authorize(ctx context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if trusted(attributes.GetUser()) || basic(attributes) {
		return authorizer.DecisionAllow, "", nil
	}
	return a.roles.Authorize(ctx, attributes)
}

// basic reports whether a request needs no role. These are health checks for everybody, and
// discovery and reviews of one's own access for authenticated callers.
func basic(attributes authorizer.Attributes) bool {
	anonymous := attributes.GetUser().GetName() == user.Anonymous
	if !attributes.IsResourceRequest() {
		return attributes.GetVerb() == "get" && (anonymous && isOpen(attributes.GetPath()) || !anonymous && isDiscovery(attributes.GetPath()))
	}
	return !anonymous && attributes.GetVerb() == "create" && strings.HasPrefix(attributes.GetResource(), "selfsubject") &&
		strings.HasSuffix(attributes.GetAPIGroup(), ".k8s.io")
}

func isOpen(path string) bool {
	for _, open := range openPaths {
		if path == open {
			return true
		}
	}
	return false
}

func isDiscovery(path string) bool {
	for _, prefix := range discoveryPrefixes {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}

// RulesFor implements authorizer.RuleResolver, which serves `auth can-i --list`.
func (a access) RulesFor(
	ctx context.Context, info user.Info, namespace string,
) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	if trusted(info) {
		all := []string{"*"}
		return []authorizer.ResourceRuleInfo{&authorizer.DefaultResourceRuleInfo{Verbs: all, APIGroups: all, Resources: all}},
			[]authorizer.NonResourceRuleInfo{&authorizer.DefaultNonResourceRuleInfo{Verbs: all, NonResourceURLs: all}}, false, nil
	}
	return a.roles.RulesFor(ctx, info, namespace)
}

// bearerToken returns the bearer token of a request; empty when it has none.
func bearerToken(r *http.Request) string {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return token
}
