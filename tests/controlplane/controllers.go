package main

import (
	"context"
	"path/filepath"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kcmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllers are those that the tests need: collecting garbage, ending namespaces, ServiceAccounts and their CA, and
// those that would meet our Services, EndpointSlices and Deployments in a real cluster.
var controllers = []string{
	"garbage-collector-controller",
	"namespace-controller",
	"serviceaccount-controller",
	"root-ca-certificate-publisher-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"endpointslice-mirroring-controller",
	"deployment-controller",
	"replicaset-controller",
}

// runControllers runs them until the context ends.
func runControllers(ctx context.Context, dir string) error {
	s, err := kcmoptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	s.Generic.ClientConnection.Kubeconfig = filepath.Join(dir, "kubeconfig")
	s.Generic.ClientConnection.QPS, s.Generic.ClientConnection.Burst = 500, 1000
	s.Generic.LeaderElection.LeaderElect = false
	s.Generic.Controllers = controllers
	s.SecureServing.BindPort = 0
	s.SAController.ServiceAccountKeyFile = filepath.Join(dir, serviceAccountKey)
	s.SAController.RootCAFile = filepath.Join(dir, "apiserver.crt")
	config, err := s.Config(ctx, app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
	if err != nil {
		return err
	}
	return app.Run(ctx, config.Complete())
}
