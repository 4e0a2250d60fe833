import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { decodeSpans, type TakenSpan } from './decode.ts'
import { listen } from './listen.ts'

/** What takes traces by OTLP over HTTP, as a collector does. */
export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string
  spans: TakenSpan[]
  /** As they came, unpacked. */
  bodies: Buffer[]
  requests: Array<{ url: string | undefined; headers: IncomingHttpHeaders }>
  /** What every request is answered with from now on: a status, or never. */
  answer(how: number | 'never'): void
}

/** For as long as the test. */
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
