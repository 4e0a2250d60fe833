import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { decodeSpans, type TakenSpan } from './decode.ts'
import { listen } from './listen.ts'

/** A receiver of traces by OTLP over HTTP, like a collector. */
export interface OtlpReceiver {
  /** The value for OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string
  spans: TakenSpan[]
  /** The request bodies, decompressed. */
  bodies: Buffer[]
  requests: Array<{ url: string | undefined; headers: IncomingHttpHeaders }>
  /** Sets the response to later requests: a status, or none at all. */
  answer(how: number | 'never'): void
}

/** Starts a receiver for the duration of the test. */
export async function startOtlpReceiver(t: Pick<Test, 'teardown'>): Promise<OtlpReceiver> {
  let how: number | 'never' = 200
  const spans: TakenSpan[] = []
  const bodies: Buffer[] = []
  const requests: OtlpReceiver['requests'] = []

  async function take(request: IncomingMessage): Promise<void> {
    const sent = await buffer(request)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    requests.push({ url: request.url, headers: request.headers })
    if (how !== 200) return
    bodies.push(body)
    spans.push(...decodeSpans(body))
  }

  const server = createServer((request, response) => {
    take(request).then(
      () => {
        if (how !== 'never') response.writeHead(how, { 'content-type': 'application/x-protobuf' }).end()
      },
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    )
  })
  return {
    url: await listen(t, server),
    spans,
    bodies,
    requests,
    answer: next => {
      how = next
    },
  }
}
