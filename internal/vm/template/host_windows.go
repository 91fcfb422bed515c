// SPDX-License-Identifier: Apache-2.0

package template

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryStatus is MEMORYSTATUSEX of the Windows API (sysinfoapi.h).
type memoryStatus struct {
	length, load                            uint32
	totalPhysical, freePhysical             uint64
	totalPage, freePage                     uint64
	totalVirtual, freeVirtual, freeExtended uint64
}

func hostMemory() (int64, error) {
	status := memoryStatus{}
	status.length = uint32(unsafe.Sizeof(status))
	ok, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx").Call(uintptr(unsafe.Pointer(&status)))
	if ok == 0 {
		return 0, err
	}
	return int64(status.totalPhysical), nil
}
