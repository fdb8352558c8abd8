# syntax=docker/dockerfile:1
# A static binary on an empty base: certificates for the model providers, and nothing else to patch.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ENV CGO_ENABLED=0 GOEXPERIMENT=simd
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags '-s -w' -o /out/sluice ./cmd/sluice \
    && mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/sluice /sluice
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV SLUICE_DATA_DIR=/data
VOLUME /data
ENTRYPOINT ["/sluice"]
CMD ["up"]
