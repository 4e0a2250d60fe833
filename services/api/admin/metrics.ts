import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { registerTraceMetrics } from '../../platform/tracing/trace-metrics.ts'
import type { Tracing } from '../../platform/tracing/tracing.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadFormat } from '../body-formats/upload-format.ts'

/** The metrics of one app. */
export interface Metrics {
  /** https://prometheus.io/docs/instrumenting/exposition_formats/ */
  contentType: string
  text(): Promise<string>
  requestStarted(): void
  requestEnded(request: EndedRequest): void
  accepted(method: UploadFormat | 'grant' | 'tus', uploads: ReadonlyArray<Pick<UploadRecord, 'size' | 'status'>>): void
  /** Reports that Kinesis takes no events, so that uploads do not wait for it, or that it takes them again. */
  eventOutage(isOn: boolean): void
  /** Stops the measurements. */
  close(): void
}

export interface EndedRequest {
  method: string
  /** The route's pattern, or undefined if no route matches. Never the path, because clients could make unlimited new label values. */
  route: string | undefined
  /** `broken-off` if the client disconnected. */
  status: number | 'broken-off'
  seconds: number
}

/** Buckets of request durations. Uploads of large files take minutes. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600]

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function createMetrics(tracing?: Pick<Tracing, 'counts'>): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  if (tracing) registerTraceMetrics(registry, tracing)
  const requests = new Counter({
    name: 'headgate_http_requests_total',
    help: 'Requests that were answered or aborted by the client.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'headgate_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its response.',
    labelNames: ['method', 'route'],
    buckets: SECONDS,
    registers,
  })
  const inFlight = new Gauge({
    name: 'headgate_http_requests_under_way',
    help: 'Requests in flight.',
    registers,
  })
  const uploads = new Counter({
    name: 'headgate_uploads_total',
    help: 'Accepted uploads by upload method. The event of a "queued" upload is on the stream, that of a "stored" one in the outbox.',
    labelNames: ['way', 'result'],
    registers,
  })
  const bytes = new Counter({
    name: 'headgate_upload_bytes_total',
    help: 'Bytes of accepted uploads.',
    labelNames: ['way'],
    registers,
  })
  const outage = new Gauge({
    name: 'headgate_event_outage',
    help: '1 while Kinesis takes no events. Uploads then get 202 without a wait, and their events wait in the outbox.',
    registers,
  })
  const outages = new Counter({
    name: 'headgate_event_outages_total',
    help: 'Number of times that Kinesis stopped taking events.',
    registers,
  })
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestStarted: () => inFlight.inc(),
    requestEnded({ method, route = 'none', status, seconds: took }) {
      const labels = { method: METHODS.has(method) ? method : 'other', route }
      inFlight.dec()
      requests.inc({ ...labels, status })
      seconds.observe(labels, took)
    },
    accepted(method, accepted) {
      for (const { size, status } of accepted) {
        uploads.inc({ way: method, result: status === 'stored' ? 'stored' : 'queued' })
        bytes.inc({ way: method }, size)
      }
    },
    eventOutage(isOn) {
      outage.set(isOn ? 1 : 0)
      if (isOn) outages.inc()
    },
    close: () => registry.clear(),
  }
}
