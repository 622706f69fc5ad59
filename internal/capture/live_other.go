//go:build !linux

package capture

func listen(LiveOptions) (tap, error) { return nil, ErrNotSupported }
