// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"rancherdesktop.io/rdd/internal/rules"
)

// API is a simulated API server: its objects and its admission rules. It is not safe for concurrent
// use.
type API struct {
	scheme   *runtime.Scheme
	now      func() time.Time
	defaults func(obj client.Object)
	rules    []rules.Rule
	revision int64
	made     int // objects so far, for their UIDs
	objects  map[id][]version
	// applied are the parts of statuses, by object and field manager.
	applied map[types.UID]map[string]map[string]any
}

// id identifies an object.
type id struct {
	kind string
	key  client.ObjectKey
}

// version is an object as of a revision. A nil object was deleted then.
type version struct {
	revision int64
	object   client.Object
}

// New returns a server with the namespace default and nothing else. defaults sets the defaults of
// the resources' schemas in an object.
func New(scheme *runtime.Scheme, now func() time.Time, defaults func(obj client.Object)) *API {
	a := &API{scheme: scheme, now: now, defaults: defaults, objects: map[id][]version{}, applied: map[types.UID]map[string]map[string]any{}}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceDefault}}
	a.begin(ns)
	a.put(a.idOf(ns, client.ObjectKeyFromObject(ns)), ns)
	return a
}

// noteApplied records what a field manager has applied.
func (a *API) noteApplied(object types.UID, owner string, status map[string]any) {
	if a.applied[object] == nil {
		a.applied[object] = map[string]map[string]any{}
	}
	a.applied[object][owner] = status
}

// SetRules sets the admission rules for later requests.
func (a *API) SetRules(rules []rules.Rule) { a.rules = rules }

// Revision returns the server's present revision. Each write of an object raises it.
func (a *API) Revision() int64 { return a.revision }

func (a *API) kindOf(obj runtime.Object) schema.GroupVersionKind {
	kind, err := apiutil.GVKForObject(obj, a.scheme)
	if err != nil {
		panic(fmt.Sprintf("a type that the scheme does not know: %v", err))
	}
	return kind
}

func (a *API) idOf(obj runtime.Object, key client.ObjectKey) id { return id{a.kindOf(obj).Kind, key} }

// at returns an object as of a revision; nil when there was none.
func (a *API) at(i id, revision int64) client.Object {
	versions := a.objects[i]
	for n := len(versions) - 1; n >= 0; n-- {
		if versions[n].revision <= revision {
			return versions[n].object
		}
	}
	return nil
}

func (a *API) current(i id) client.Object { return a.at(i, a.revision) }

// put stores an object at a new revision, which becomes its resource version. A nil object is
// removed.
func (a *API) put(i id, obj client.Object) {
	a.revision++
	if obj != nil {
		obj.SetResourceVersion(strconv.FormatInt(a.revision, 10))
	} else if was := a.at(i, a.revision-1); was != nil {
		delete(a.applied, was.GetUID())
	}
	a.objects[i] = append(a.objects[i], version{a.revision, obj})
}

// Forget drops all versions but the present ones, to bound the memory of long runs.
func (a *API) Forget() {
	for i, versions := range a.objects {
		if last := versions[len(versions)-1]; last.object == nil {
			delete(a.objects, i)
		} else {
			a.objects[i] = []version{last}
		}
	}
}

// begin sets the metadata of a new object.
func (a *API) begin(obj client.Object) {
	a.made++
	obj.SetUID(types.UID(fmt.Sprintf("%08d-0000-4000-8000-000000000000", a.made)))
	obj.SetCreationTimestamp(metav1.NewTime(a.now().Truncate(time.Second)))
	obj.SetGeneration(generation(obj))
	obj.SetDeletionTimestamp(nil)
	if ns, ok := obj.(*corev1.Namespace); ok {
		ns.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
		ns.Status.Phase = corev1.NamespaceActive
		ns.Labels = map[string]string{corev1.LabelMetadataName: ns.Name}
	}
}

// generation returns the generation of a new object. The built-in kinds that are simulated have
// none.
func generation(obj client.Object) int64 {
	if _, custom := reflect.TypeOf(obj).Elem().FieldByName("Status"); !custom || isCore(obj) {
		return 0
	}
	return 1
}

func isCore(obj client.Object) bool {
	return reflect.TypeOf(obj).Elem().PkgPath() == reflect.TypeFor[corev1.ConfigMap]().PkgPath()
}

// create creates an object as a user.
func (a *API) create(user string, obj client.Object) error {
	i := a.idOf(obj, client.ObjectKeyFromObject(obj))
	if err := a.admitNamespace(obj); err != nil {
		return err
	}
	made := obj.DeepCopyObject().(client.Object)
	a.defaults(made)
	made, err := a.admit(user, operationCreate, made, nil)
	if err != nil {
		return err
	}
	if a.current(i) != nil {
		return apierrors.NewAlreadyExists(a.resource(obj), obj.GetName())
	}
	a.begin(made)
	dropStatus(made)
	a.put(i, made)
	assign(obj, made)
	return nil
}

// admitNamespace refuses to create an object in a namespace that does not exist or is being
// deleted.
func (a *API) admitNamespace(obj client.Object) error {
	if obj.GetNamespace() == "" {
		return nil
	}
	ns := a.current(id{"Namespace", client.ObjectKey{Name: obj.GetNamespace()}})
	switch {
	case ns == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, obj.GetNamespace())
	case ns.GetDeletionTimestamp() != nil:
		err := apierrors.NewForbidden(a.resource(obj), obj.GetName(), fmt.Errorf("namespace %s is being terminated", obj.GetNamespace()))
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Type: corev1.NamespaceTerminatingCause})
		return err
	default:
		return nil
	}
}

// update updates an object as a user. change returns the new object. The subresource "status"
// changes only the status; without a subresource everything else is changed.
func (a *API) update(
	user string, i id, resource schema.GroupResource, subresource string, change func(obj client.Object) (client.Object, error),
) (client.Object, error) {
	old := a.current(i)
	if old == nil {
		return nil, apierrors.NewNotFound(resource, i.key.Name)
	}
	next, err := change(old.DeepCopyObject().(client.Object))
	if err != nil {
		return nil, err
	}
	if err := checkIdentity(resource, old, next); err != nil {
		return nil, err
	}
	keepSystem(old, next, subresource)
	if subresource == "" {
		a.defaults(next)
		if next, err = a.admit(user, operationUpdate, next, old); err != nil {
			return nil, err
		}
	}
	return a.replace(i, resource, old, next)
}

// replace stores the next version of an object. It removes an object that is being deleted and has
// no finalizer any more.
func (a *API) replace(i id, resource schema.GroupResource, old, next client.Object) (client.Object, error) {
	if next.GetDeletionTimestamp() != nil {
		for _, f := range next.GetFinalizers() {
			if !slices.Contains(old.GetFinalizers(), f) {
				return nil, apierrors.NewForbidden(
					resource, i.key.Name, fmt.Errorf("no new finalizers can be added if the object is being deleted, found new finalizer %q", f),
				)
			}
		}
	}
	if next.GetDeletionTimestamp() != nil && len(next.GetFinalizers()) == 0 && !emptying(next) {
		a.put(i, nil)
		return next, nil
	}
	if equality.Semantic.DeepEqual(old, next) {
		return next, nil
	}
	if old.GetGeneration() > 0 && !equality.Semantic.DeepEqual(specOf(old), specOf(next)) {
		next.SetGeneration(old.GetGeneration() + 1)
	}
	a.put(i, next)
	return next, nil
}

// emptying reports whether an object is a namespace that the namespace controller has not emptied
// yet.
func emptying(obj client.Object) bool {
	ns, ok := obj.(*corev1.Namespace)
	return ok && len(ns.Spec.Finalizers) > 0
}

// remove deletes an object as a user. uid is a precondition; nil means none.
func (a *API) remove(user string, obj client.Object, uid *types.UID) error {
	i := a.idOf(obj, client.ObjectKeyFromObject(obj))
	old := a.current(i)
	if old == nil {
		return apierrors.NewNotFound(a.resource(obj), obj.GetName())
	}
	if _, err := a.admit(user, operationDelete, nil, old); err != nil {
		return err
	}
	if uid != nil && *uid != old.GetUID() {
		return apierrors.NewConflict(
			a.resource(obj), obj.GetName(), fmt.Errorf("the UID in the precondition (%s) is not the UID in record (%s)", *uid, old.GetUID()),
		)
	}
	if len(old.GetFinalizers()) == 0 && !emptying(old) {
		a.put(i, nil)
		return nil
	}
	if old.GetDeletionTimestamp() != nil {
		return nil
	}
	next := old.DeepCopyObject().(client.Object)
	now := metav1.NewTime(a.now().Truncate(time.Second))
	next.SetDeletionTimestamp(&now)
	next.SetDeletionGracePeriodSeconds(new(int64))
	if old.GetGeneration() > 0 {
		next.SetGeneration(old.GetGeneration() + 1)
	}
	if ns, ok := next.(*corev1.Namespace); ok {
		ns.Status.Phase = corev1.NamespaceTerminating
		ns.SetDeletionGracePeriodSeconds(nil)
	}
	a.put(i, next)
	return nil
}

// resource returns the resource of an object's kind.
func (a *API) resource(obj runtime.Object) schema.GroupResource {
	kind := a.kindOf(obj)
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return plural.GroupResource()
}

// checkIdentity refuses an update with a resource version or UID that is not the present one.
func checkIdentity(resource schema.GroupResource, old, next client.Object) error {
	if v := next.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
		return apierrors.NewConflict(
			resource, old.GetName(), fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"),
		)
	}
	if uid := next.GetUID(); uid != "" && uid != old.GetUID() {
		return apierrors.NewConflict(
			resource, old.GetName(), fmt.Errorf("Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, old.GetUID()),
		)
	}
	return nil
}

// keepSystem copies from the old object what a request cannot change.
func keepSystem(old, next client.Object, subresource string) {
	next.SetResourceVersion(old.GetResourceVersion())
	next.SetUID(old.GetUID())
	next.SetGeneration(old.GetGeneration())
	next.SetCreationTimestamp(old.GetCreationTimestamp())
	next.SetDeletionTimestamp(old.GetDeletionTimestamp())
	next.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	from, to := reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem()
	status := to.FieldByName("Status")
	if !status.IsValid() {
		return
	}
	if subresource == "" {
		status.Set(from.FieldByName("Status"))
		return
	}
	changed := reflect.ValueOf(next.DeepCopyObject()).Elem().FieldByName("Status")
	to.Set(reflect.ValueOf(old.DeepCopyObject()).Elem())
	to.FieldByName("Status").Set(changed)
}

// dropStatus clears the status of a new object.
func dropStatus(obj client.Object) {
	if isCore(obj) {
		return
	}
	if status := reflect.ValueOf(obj).Elem().FieldByName("Status"); status.IsValid() {
		status.SetZero()
	}
}

func specOf(obj client.Object) any {
	if spec := reflect.ValueOf(obj).Elem().FieldByName("Spec"); spec.IsValid() {
		return spec.Interface()
	}
	return nil
}

// assign copies from to the object that to points to.
func assign(to, from client.Object) {
	reflect.ValueOf(to).Elem().Set(reflect.ValueOf(from.DeepCopyObject()).Elem())
}

// recode decodes data into a new object of the type of like.
func recode(data []byte, like client.Object) (client.Object, error) {
	obj := reflect.New(reflect.TypeOf(like).Elem()).Interface().(client.Object)
	if err := json.Unmarshal(data, obj); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // typed clients show none
	return obj, nil
}
