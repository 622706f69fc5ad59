package audit

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd stream may make its reader remember.
const maxWindow = 32 << 20

type closerFunc func()

func (f closerFunc) Close() error { f(); return nil }

func unzstd(r io.Reader, closers *[]io.Closer) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	*closers = append(*closers, closerFunc(d.Close))
	return d, nil
}
