mkdir n; echo n >n/f; echo a >a
