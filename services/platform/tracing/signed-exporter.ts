import { hash } from 'node:crypto'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { AwsCredentialIdentity } from '@smithy/types'
import { createSigner } from '../direct/sigv4.ts'

export interface SignedExporterSettings {
  url: string
  region: string
  timeoutMs: number
  /** @default the SDK's own settings */
  credentials?: () => Promise<AwsCredentialIdentity>
}

/**
 * Sends spans to X-Ray by OTLP, in requests that are signed with the credentials of the process. It handles one request at a time, as
 * the queue sends them: the signature belongs to the next request. Retries reuse the signature, which stays valid for minutes.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
 */
export class SignedExporter implements SpanExporter {
  readonly #exporter: OTLPTraceExporter
  readonly #sign: (body: Uint8Array) => Promise<Record<string, string>>
  #headers: Record<string, string> = {}

  constructor({ url, region, timeoutMs, credentials = defaultProvider() }: SignedExporterSettings) {
    const { host, pathname: path } = new URL(url)
    const sign = createSigner({ region, service: 'xray' })
    this.#sign = async body => {
      const payloadHash = hash('sha256', body)
      const headers = { host, 'x-amz-content-sha256': payloadHash }
      const unsigned = { method: 'POST', path, query: {}, headers, payloadHash }
      const { host: _own, ...signed } = sign(unsigned, await credentials(), new Date())
      return signed
    }
    this.#exporter = new OTLPTraceExporter({ url, timeoutMillis: timeoutMs, headers: async () => this.#headers })
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    // The inner exporter serializes the spans again, to the same bytes.
    const body = ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array()
    this.#sign(body).then(
      headers => {
        this.#headers = headers
        this.#exporter.export(spans, done)
      },
      (error: unknown) => done({ code: 1, error: error instanceof Error ? error : new Error(String(error)) }),
    )
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }
}
