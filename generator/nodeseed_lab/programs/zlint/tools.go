//go:build tools

package programs

import _ "github.com/zmap/zlint/v3/cmd/zlint"
