// SPDX-License-Identifier: Apache-2.0

package smokeimage

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Where the program is loaded. Both are multiples of every page size of the architectures.
const (
	base      = 0x400000
	alignment = 0x10000
)

// code has the machine code for each architecture, as GOARCH names it. The code writes the message,
// which follows it in memory, to standard output by one system call. It exits with 0 if all was
// written, else with 1.
var code = map[string]struct {
	machine  elf.Machine
	assemble func(length uint32) []byte
}{
	"amd64": {elf.EM_X86_64, assembleAMD64},
	"arm64": {elf.EM_AARCH64, assembleARM64},
}

// Program returns a static ELF executable for Linux that writes message and exits. arch is a
// GOARCH; others than amd64 and arm64 are an error.
func Program(arch, message string) ([]byte, error) {
	target, ok := code[arch]
	if !ok {
		return nil, fmt.Errorf("there is no program for the architecture %s", arch)
	}
	text := append(target.assemble(uint32(len(message))), message...)
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{
			0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT), byte(elf.ELFOSABI_NONE),
		},
		Type: uint16(elf.ET_EXEC), Machine: uint16(target.machine), Version: uint32(elf.EV_CURRENT),
	}
	var segment elf.Prog64
	start := uint64(binary.Size(header) + binary.Size(segment))
	header.Entry = base + start
	header.Phoff, header.Phnum, header.Phentsize = uint64(binary.Size(header)), 1, uint16(binary.Size(segment))
	header.Ehsize, header.Shentsize = uint16(binary.Size(header)), uint16(binary.Size(elf.Section64{}))
	size := start + uint64(len(text))
	segment = elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: alignment,
	}
	var b bytes.Buffer
	for _, part := range []any{header, segment, text} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("assembling a program for %s: %w", arch, err)
		}
	}
	return b.Bytes(), nil
}

// The system calls write and exit have the numbers 1 and 60 on amd64, and 64 and 93 on arm64: see
// the kernel's unistd.h.

func assembleAMD64(length uint32) []byte {
	text := []byte{
		0xb8, 1, 0, 0, 0, // mov eax, 1 (write)
		0xbf, 1, 0, 0, 0, // mov edi, 1 (standard output)
		0x48, 0x8d, 0x35, 0, 0, 0, 0, // lea rsi, [rip + message]
		0xba, 0, 0, 0, 0, // mov edx, length
		0x0f, 0x05, // syscall
		0x31, 0xff, // xor edi, edi
		0x39, 0xd0, // cmp eax, edx
		0x40, 0x0f, 0x95, 0xc7, // setne dil
		0xb8, 60, 0, 0, 0, // mov eax, 60 (exit)
		0x0f, 0x05, // syscall
	}
	const afterLea = 17
	binary.LittleEndian.PutUint32(text[afterLea-4:], uint32(len(text)-afterLea))
	binary.LittleEndian.PutUint32(text[afterLea+1:], length)
	return text
}

func assembleARM64(length uint32) []byte {
	const adr, count = 2, 9
	words := [count]uint32{
		0xd2800808,             // mov x8, #64 (write)
		0xd2800020,             // mov x0, #1 (standard output)
		0x10000001,             // adr x1, message
		0xd2800002 | length<<5, // mov x2, #length
		0xd4000001,             // svc #0
		0xeb02001f,             // cmp x0, x2
		0x1a9f07e0,             // cset w0, ne
		0xd2800ba8,             // mov x8, #93 (exit)
		0xd4000001,             // svc #0
	}
	words[adr] |= (count - adr) << 5 // in words, as the low two bits of the distance are 0
	text := make([]byte, 0, count*4)
	for _, word := range words {
		text = binary.LittleEndian.AppendUint32(text, word)
	}
	return text
}
