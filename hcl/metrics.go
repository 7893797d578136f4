package hcl

import "github.com/m2md/m2md/engine"

func metricsBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "metrics", Single: true,
			Doc: "The listener for /metrics, /-/healthy and /-/ready, and nothing else.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{
				Name: "listen", Type: TypeString, Required: true,
				Doc:        "Where to listen. A change needs a restart.",
				Constraint: "HOST:PORT, or unix:///PATH.",
			}, check: checkListen},
		},
		decode: func(v *values, spec *engine.Spec) {
			spec.Metrics = engine.Metrics{Decl: v.decl, Listen: v.str("listen")}
		},
	}
}
