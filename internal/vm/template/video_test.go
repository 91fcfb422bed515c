// SPDX-License-Identifier: Apache-2.0

package template

import "testing"

func TestLoadTakesVideo(t *testing.T) {
	for text, want := range map[string]Video{
		"{display: vnc}": {Display: "vnc", VNC: VNC{Display: "127.0.0.1:0,to=9"}},
		"{display: vnc, vnc: {display: '127.0.0.1:7'}}":      {Display: "vnc", VNC: VNC{Display: "127.0.0.1:7"}},
		"{display: vnc, vnc: {display: 'localhost:1,to=2'}}": {Display: "vnc", VNC: VNC{Display: "localhost:1,to=2"}},
		"{display: vnc, vnc: {display: '[::1]:1'}}":          {Display: "vnc", VNC: VNC{Display: "[::1]:1"}},
		"{display: vnc, vnc: {display: none}}":               {Display: "vnc", VNC: VNC{Display: "127.0.0.1:0,to=9"}},
		"{display: none, vnc: {display: }}":                  {},
	} {
		got, err := Load([]byte(minimal+"video: "+text+"\n"), nil, testHost)
		if err != nil || got.Video != want {
			t.Errorf("%s: %v: got %+v", text, err, got)
			continue
		}
		roundTrip(t, got)
	}
}

func TestLoadRefusesVideo(t *testing.T) {
	at := func(video string) string { return minimal + "video: {" + video + "}\n" }
	const loopback = "must be a display on the host's loopback such as 127.0.0.1:0,to=9; from elsewhere it is reached by ssh -L; got "
	testRefusals(t, []refusal{
		{
			"a window", at("display: gtk"),
			noMachine + "field `video.display` must be `vnc` or `none`: there are no windows, and VNC clients show the screen; got `gtk` " +
				"(line 2, column 18)",
		},
		{
			"all addresses", at("display: vnc, vnc: {display: ':0'}"),
			noMachine + "field `video.vnc.display` " + loopback + "`:0` (line 2, column 38)",
		},
		{
			"options", at("display: vnc, vnc: {display: '127.0.0.1:0,password=off'}"),
			noMachine + "field `video.vnc.display` " + loopback + "`127.0.0.1:0,password=off` (line 2, column 38)",
		},
		{
			"no display", at("vnc: {display: '127.0.0.1:0'}"),
			noMachine + "field `video.vnc.display` must go with `display: vnc` (line 2, column 24)",
		},
	})
}
