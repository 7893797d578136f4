package memory_test

import (
	"testing"

	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/memory"
	"github.com/m2md/m2md/storage/storagetest"
)

func TestMemoryKeepsWhatStoragePromises(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Store { return memory.New() })
}
