// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"regexp"
	"strings"
)

// complaint recognises a kind of failure by its message.
type complaint struct {
	pattern *regexp.Regexp
	// cause makes of the pattern's groups what to say.
	cause func(f *Facts, groups []string) Cause
}

// complaints in order: the first that fits is taken. The texts are those of internal/vm, its template, image
// and qemu packages, and the hostagent.
var complaints = []complaint{
	{regexp.MustCompile(`(?s)this host lacks (.+?)(?:; to cure it: (.+))?$`), hostLacks},
	{regexp.MustCompile(`(?s)(failed to (?:validate|parse) template.*)`), badTemplate},
	{regexp.MustCompile(`(?s)the guest's (boot|provision) script failed with exit code (\d+): (.*)`), badScript},
	{regexp.MustCompile(`(?s)probes\[(\d+)\] \((.*?)\) has not passed: (.*)`), badProbe},
	{regexp.MustCompile(`(?s)(no space left on device)`), diskFull},
	{regexp.MustCompile(`(?s)(port \d+ (?:for ssh )?(?:was taken|is in use|is busy).*)`), portTaken},
	{regexp.MustCompile(`(?s)(the guest does not boot: .*|the guest has not let us in within .*|QEMU did not start: .*|QEMU has not answered .*)`), noBoot},
	{regexp.MustCompile(`(?s)(\S+ is not the file that the template means.*|\S+ cannot be used: .*)`), wrongImage},
	{regexp.MustCompile(`(?s)(none of the \d+ images .*|\S+ is not available: .*|the download of .*)`), badImage},
	{regexp.MustCompile(`(?s)(building (?:the )?image.*)`), badImage},
}

// classify turns a failure's message into a cause; verb completes the sentence "LimaVM … cannot be made".
func (f *Facts) classify(message, verb string) *Cause {
	for _, candidate := range complaints {
		if groups := candidate.pattern.FindStringSubmatch(message); groups != nil {
			c := candidate.cause(f, groups)
			c.Blocked, c.Summary = true, fmt.Sprintf("%s %s: %s", f.subject(), verb, c.Summary)
			return &c
		}
	}
	first, rest := lines(message)
	return &Cause{
		Code: CodeStart, Blocked: true, Summary: fmt.Sprintf("%s %s: %s", f.subject(), verb, first), Detail: rest,
		Next: f.command("start") + " tries again at once; " + f.limavm("logs %s -n 50") + " shows more",
	}
}

func hostLacks(f *Facts, groups []string) Cause {
	c := Cause{Code: CodeHostLacks, Summary: "this host lacks " + groups[1] + "."}
	cure, rest := lines(groups[2])
	c.Detail = rest
	if cure == "" {
		c.Next = "provide it, then " + f.command("start")
	} else {
		c.Next = cure + ", then " + f.command("start")
	}
	return c
}

func badTemplate(f *Facts, groups []string) Cause {
	first, rest := lines(groups[1])
	c := Cause{Code: CodeTemplate, Summary: first, Detail: rest, Next: f.limavm("edit %s")}
	if f.owned() {
		c.Next = "change the App: rdd ctl edit app app"
	}
	return c
}

// edit is the next step where the template's author has to think again.
func (f *Facts) edit() string {
	if f.owned() {
		return f.limavm("logs %s -n 50")
	}
	return f.limavm("edit %s") + ", which also starts it again"
}

func badScript(f *Facts, groups []string) Cause {
	names := map[string]string{"boot": "a script that prepares the boot", "provision": "a provisioning script"}
	return Cause{
		Code: CodeProvision, Summary: fmt.Sprintf("%s failed with exit code %s.", names[groups[1]], groups[2]),
		Detail: strings.Split(strings.TrimSpace(groups[3]), "\n"), Next: f.edit(),
	}
}

func badProbe(f *Facts, groups []string) Cause {
	what := "probes[" + groups[1] + "]"
	if groups[2] != "" {
		what += " (" + groups[2] + ")"
	}
	first, rest := lines(groups[3])
	return Cause{Code: CodeProbe, Summary: what + " has not passed: " + first, Detail: rest, Next: f.edit()}
}

func diskFull(f *Facts, _ []string) Cause {
	return Cause{Code: CodeDiskFull, Summary: "the disk is full.", Next: "make room (rdd image prune removes unused images), then " + f.command("start")}
}

func portTaken(f *Facts, groups []string) Cause {
	first, rest := lines(groups[1])
	return Cause{Code: CodePortTaken, Summary: first, Detail: rest, Next: "end what uses the port, then " + f.command("start")}
}

func noBoot(f *Facts, groups []string) Cause {
	first, rest := lines(groups[1])
	return Cause{Code: CodeBoot, Summary: first, Detail: rest, Next: f.limavm("logs %s -n 50 -o serial,qemu")}
}

func wrongImage(f *Facts, groups []string) Cause {
	first, rest := lines(groups[1])
	return Cause{Code: CodeImage, Summary: first, Detail: rest, Next: f.edit()}
}

func badImage(f *Facts, groups []string) Cause {
	first, rest := lines(groups[1])
	return Cause{Code: CodeImage, Summary: first, Detail: rest, Next: f.command("start") + " tries again at once"}
}
