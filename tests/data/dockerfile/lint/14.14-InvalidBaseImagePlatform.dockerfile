FROM arm64:1 AS one
FROM a
FROM one
