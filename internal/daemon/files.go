// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/daemon/presence"
)

// maintainInterval is the time between two checks of the daemon's files. They are polled, because
// no file event reports that a parent directory was moved.
const maintainInterval = 2 * time.Second

// errLost says that the daemon's service directory was moved or removed. Clients cannot find this
// daemon any more, and another one may have been started in its place.
var errLost = errors.New("it was removed while the daemon ran")

// published is a file that clients read, with the content and the file information as it was
// written.
type published struct {
	path string
	data []byte
	info fs.FileInfo
}

// publish writes a file by which clients find the daemon, with mode 0600, and has it maintained:
// when it returns an error, it is tried again.
func (d *daemon) publish(path string, data []byte) error {
	p := published{path: path, data: data}
	err := p.write()
	d.published = append(d.published, p)
	d.upkeep.report("writing "+path, err)
	return err
}

func (p *published) write() error {
	if err := atomicfile.Write(p.path, p.data, 0o600); err != nil {
		return err
	}
	info, err := os.Stat(p.path)
	if err != nil {
		return fmt.Errorf("looking at a file just written: %w", err)
	}
	p.info = info
	return nil
}

// intact reports whether the file is unchanged since it was written.
func (p *published) intact() bool {
	info, err := os.Stat(p.path)
	return err == nil && p.info != nil && os.SameFile(info, p.info) && info.Size() == p.info.Size() && info.ModTime().Equal(p.info.ModTime())
}

// maintain restores published files that were changed or removed, rotates logs, and fails when the
// service directory is lost. It is the first part to be stopped, and removes the record then.
func (d *daemon) maintain(ctx context.Context) error {
	ticker := time.NewTicker(maintainInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return d.withdraw(presence.RecordFile(d.inst))
		case <-ticker.C:
		}
		if err := d.checkFiles(); err != nil {
			return err
		}
	}
}

// checkFiles does one check of maintain.
func (d *daemon) checkFiles() error {
	current, err := d.lock.Current()
	if err != nil {
		return err
	}
	if !current {
		return fmt.Errorf("%s: %w", d.inst.Dir, errLost)
	}
	d.upkeep.report("setting a large log aside", d.rotateLogs())
	d.linkTools()
	for i := range d.published {
		if p := &d.published[i]; !p.intact() {
			d.restore(p)
		}
	}
	return nil
}

// linkTools makes the links to the instance's tools, or makes them again.
func (d *daemon) linkTools() {
	d.upkeep.report("linking the tools", d.inst.LinkTools(d.options.Program))
}

// restore writes a file again that was changed or removed, or could not be written.
func (d *daemon) restore(p *published) {
	err := p.write()
	d.upkeep.report("writing "+p.path, err)
	if err == nil {
		klog.InfoS("Wrote a file again that was changed or removed", "path", p.path)
	}
}

// withdraw removes a published file. It removes none when the service directory is lost: the file
// at that path is another daemon's then.
func (d *daemon) withdraw(path string) error {
	current, err := d.lock.Current()
	if err != nil || !current {
		return err
	}
	return atomicfile.Remove(path)
}

// protect takes away from other users what they may do with the instance's files, and logs that. It
// fails when a file belongs to one of them.
func (d *daemon) protect() error {
	mended, err := d.inst.Protect()
	for _, m := range mended {
		if m.Err != nil {
			klog.ErrorS(m.Err, "Other users have access", "path", m.Path, "mode", m.Mode)
		} else {
			klog.InfoS("Took access away from other users", "path", m.Path, "mode", m.Mode)
		}
	}
	return err
}
