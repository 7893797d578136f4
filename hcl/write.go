package hcl

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// ServiceAccountBlock writes a service_account block as canonical HCL. It
// fails for a name that no label may have.
func ServiceAccountBlock(name, displayName string, groups []string) ([]byte, error) {
	if !ValidLabel(name) {
		return nil, fmt.Errorf("the name %q is not allowed: it begins with a lower-case letter, and goes on with up to 62 lower-case letters, digits, _ or -", name)
	}
	file := hclwrite.NewEmptyFile()
	body := file.Body().AppendNewBlock("service_account", []string{name}).Body()
	if displayName != "" {
		body.SetAttributeValue("display_name", cty.StringVal(displayName))
	}
	if len(groups) > 0 {
		values := make([]cty.Value, len(groups))
		for i, group := range groups {
			values[i] = cty.StringVal(group)
		}
		body.SetAttributeValue("groups", cty.ListVal(values))
	}
	return hclwrite.Format(file.Bytes()), nil
}
