// SPDX-License-Identifier: Apache-2.0

package template

import "regexp"

// DisplayVNC is the Display of a Video that VNC clients on the host show.
const DisplayVNC = "vnc"

// Video is a screen with keyboard and mouse.
type Video struct {
	// Display is DisplayVNC, or empty for none.
	Display string `yaml:"display,omitempty"`
	VNC     VNC    `yaml:"vnc,omitempty"`
}

// VNC says where the host serves a Video.
type VNC struct {
	// Display is ADDRESS:NUMBER[,to=NUMBER] with an address of the loopback, as QEMU's -vnc has it.
	// The port is 5900 and the number.
	Display string `yaml:"display,omitempty"`
}

const (
	// noDisplay is Lima's name of a display that is not there.
	noDisplay = "none"
	// defaultVNC is Lima's: the first free one of ten.
	defaultVNC = "127.0.0.1:0,to=9"
)

// vncPattern is an argument of QEMU's -vnc for the loopback. VNC's password is no protection for
// more.
var vncPattern = regexp.MustCompile(`^(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,4}(,to=[0-9]{1,4})?$`)

// decode takes `none` for a display that is not there.
func (w *Video) decode(v value) error {
	return mapping(fields{
		"display": textOr(noDisplay, &w.Display),
		"vnc":     mapping(fields{"display": textOr(noDisplay, &w.VNC.Display)}),
	})(v)
}

func (w *Video) fill() {
	if w.Display == DisplayVNC {
		setDefault(&w.VNC.Display, defaultVNC)
	}
}

func (t *Template) validateVideo() error {
	switch t.Video.Display {
	case "":
		if t.Video.VNC.Display != "" {
			return invalid("video.vnc.display", "must go with `display: vnc`")
		}
		return nil
	case DisplayVNC:
	default:
		return invalid("video.display", "must be `vnc` or `none`: there are no windows, and VNC clients show the screen; got `%s`",
			shorten(t.Video.Display))
	}
	if !vncPattern.MatchString(t.Video.VNC.Display) {
		return invalid("video.vnc.display",
			"must be a display on the host's loopback such as %s; from elsewhere it is reached by ssh -L; got `%s`",
			defaultVNC, shorten(t.Video.VNC.Display))
	}
	return nil
}
