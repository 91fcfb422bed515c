// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Client is a client of an API with the identity of one user. Methods that rdd's controllers do not
// use panic.
type Client struct {
	client.WithWatch
	api  *API
	user string
	// reads returns the revision of the next read; nil means the present one.
	reads func() int64
}

// Client returns a client for a user.
func (a *API) Client(user string) *Client { return &Client{api: a, user: user} }

// ReadAt serves later reads from the revision that the function returns; nil means the present one.
func (c *Client) ReadAt(revision func() int64) { c.reads = revision }

func (c *Client) revision() int64 {
	if c.reads == nil {
		return c.api.revision
	}
	return c.reads()
}

// Scheme implements client.Client.
func (c *Client) Scheme() *runtime.Scheme { return c.api.scheme }

// Get implements client.Reader.
func (c *Client) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	found := c.api.at(c.api.idOf(obj, key), c.revision())
	if found == nil {
		return apierrors.NewNotFound(c.api.resource(obj), key.Name)
	}
	assign(obj, found)
	return nil
}

// List implements client.Reader.
func (c *Client) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	kind := strings.TrimSuffix(c.api.kindOf(list).Kind, "List")
	var found []runtime.Object
	for i := range c.api.objects {
		if i.kind != kind || options.Namespace != "" && i.key.Namespace != options.Namespace {
			continue
		}
		if f := options.FieldSelector; f != nil {
			if name, ok := f.RequiresExactMatch("metadata.name"); ok && name != i.key.Name {
				continue
			}
		}
		if o := c.api.at(i, c.revision()); o != nil {
			found = append(found, o.DeepCopyObject())
		}
	}
	slices.SortFunc(found, func(a, b runtime.Object) int {
		return strings.Compare(client.ObjectKeyFromObject(a.(client.Object)).String(), client.ObjectKeyFromObject(b.(client.Object)).String())
	})
	return meta.SetList(list, found)
}

// Create implements client.Writer.
func (c *Client) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	return c.api.create(c.user, obj)
}

// Delete implements client.Writer.
func (c *Client) Delete(_ context.Context, obj client.Object, opts ...client.DeleteOption) error {
	options := (&client.DeleteOptions{}).ApplyOptions(opts)
	var uid *types.UID
	if options.Preconditions != nil {
		uid = options.Preconditions.UID
	}
	return c.api.remove(c.user, obj, uid)
}

// Update implements client.Writer.
func (c *Client) Update(_ context.Context, obj client.Object, _ ...client.UpdateOption) error {
	next, err := c.api.update(c.user, c.api.idOf(obj, client.ObjectKeyFromObject(obj)), c.api.resource(obj), "",
		func(client.Object) (client.Object, error) { return obj.DeepCopyObject().(client.Object), nil })
	if err != nil {
		return err
	}
	assign(obj, next)
	return nil
}

// Patch implements client.Writer for merge patches.
func (c *Client) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.PatchOption) error {
	if patch.Type() != types.MergePatchType {
		return apierrors.NewBadRequest(fmt.Sprintf("patches of type %s are not simulated", patch.Type()))
	}
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	next, err := c.api.update(c.user, c.api.idOf(
		obj, client.ObjectKeyFromObject(obj),
	), c.api.resource(obj), "", func(old client.Object) (client.Object, error) {
		return merge(old, data)
	})
	if err != nil {
		return err
	}
	assign(obj, next)
	return nil
}

// merge applies a merge patch.
func merge(old client.Object, patch []byte) (client.Object, error) {
	before, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return recode(after, old)
}

// Status implements client.Client.
func (c *Client) Status() client.SubResourceWriter { return c.SubResource("status") }

// SubResource implements client.Client.
func (c *Client) SubResource(name string) client.SubResourceClient {
	return &subresource{client: c, name: name}
}

// subresource applies statuses.
type subresource struct {
	client.SubResourceClient
	client *Client
	name   string
}

// Apply implements client.SubResourceWriter.
func (s *subresource) Apply(_ context.Context, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
	applied, ok := obj.(client.Object)
	content, unstructured := obj.(interface{ UnstructuredContent() map[string]any })
	if !ok || !unstructured {
		return fmt.Errorf("%T is not simulated", obj)
	}
	options := (&client.SubResourceApplyOptions{}).ApplyOpts(opts)
	kind := applied.GetObjectKind().GroupVersionKind()
	typed, err := s.client.api.scheme.New(kind)
	if err != nil {
		return err
	}
	like := typed.(client.Object)
	i := id{kind.Kind, client.ObjectKeyFromObject(applied)}
	status, _ := content.UnstructuredContent()["status"].(map[string]any)
	next, err := s.client.api.update(s.client.user, i, s.client.api.resource(like), s.name, func(old client.Object) (client.Object, error) {
		whole := maps.Clone(content.UnstructuredContent())
		whole["status"] = mergeStatus(s.client.api.applied[old.GetUID()], options.FieldManager, status)
		data, err := json.Marshal(whole)
		if err != nil {
			return nil, err
		}
		return recode(data, like)
	})
	if err != nil {
		return err
	}
	s.client.api.noteApplied(next.GetUID(), options.FieldManager, status)
	return nil
}

// mergeStatus returns the status after owner has applied its part. Field managers must own
// different fields and conditions.
func mergeStatus(parts map[string]map[string]any, owner string, status map[string]any) map[string]any {
	parts = maps.Clone(parts)
	if parts == nil {
		parts = map[string]map[string]any{}
	}
	parts[owner] = status
	whole := map[string]any{}
	var conditions []any
	for _, each := range slices.Sorted(maps.Keys(parts)) {
		for field, value := range parts[each] {
			if list, ok := value.([]any); ok && field == "conditions" {
				conditions = append(conditions, list...)
			} else {
				whole[field] = value
			}
		}
	}
	if conditions != nil {
		whole["conditions"] = conditions
	}
	return whole
}

var _ client.WithWatch = &Client{}
