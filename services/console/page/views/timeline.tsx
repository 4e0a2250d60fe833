import type { TrailView } from '../../snapshot.ts'
import { latency, shardName } from '../format.ts'
import { Time, Worker } from '../parts.tsx'
import { summary } from '../state.ts'
import { isFinal, type Upload } from '../uploads-state.ts'

/** Something that happened to an upload. */
export interface Step {
  name: string
  at: number
}

/** Adds the status of a state, unless it is known already. */
export function nextSteps(steps: readonly Step[], { status, updatedAt }: Upload): readonly Step[] {
  if (steps.at(-1)?.name === status) return steps
  return [...steps, { name: status, at: Date.parse(updatedAt) }]
}

/**
 * Returns what happened to an upload, in order. The steps between the queue and the end are known once the worker has recorded them.
 * Until then, they are the states that this page has seen.
 */
export function stepsOf(upload: Upload, seen: readonly Step[], view: TrailView | undefined): readonly Step[] {
  const { uploadId, uploadedAt, updatedAt, status } = upload
  const begun = timeOf(uploadId)
  const { trail = null, redrivenAt = null } = view ?? {}
  const first = [
    ...(begun === undefined ? [] : [{ name: 'received', at: begun }]),
    ...(status === 'pending' ? [] : [{ name: 'stored', at: Date.parse(uploadedAt) }]),
    ...(redrivenAt === null ? [] : [{ name: 'redriven', at: redrivenAt }]),
  ]
  if (!trail || !isFinal(status)) {
    return [...first, ...seen.filter(({ name, at }) => name !== 'stored' && (redrivenAt === null || at >= redrivenAt))]
  }
  const ofWorker: ReadonlyArray<readonly [string, number | undefined]> = [
    ['queued', trail.arrivedAt],
    ['read', trail.startedAt],
    ['transforming', trail.openedAt],
    ['written', trail.writtenAt],
  ]
  const known = ofWorker.flatMap(([name, at]) => (at === undefined ? [] : [{ name, at }]))
  return [...first, ...known, { name: status, at: Date.parse(updatedAt) }]
}

/** Returns when the request began, which the id of an upload says: it is a UUIDv7. Undefined for an id of another kind. */
function timeOf(uploadId: string): number | undefined {
  const [, high, low] = /^([\da-f]{8})-([\da-f]{4})-7/.exec(uploadId) ?? []
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16)
}

const WHAT: Readonly<Record<string, string>> = {
  received: 'The request of the client began.',
  stored: 'The file was in S3, and the api accepted the upload.',
  redriven:
    'The upload had failed, and an operator put its event on the stream again. The steps before that are not kept.',
  queued: 'Kinesis received the event of the upload. After an outage of Kinesis, this is later than the upload.',
  read: 'A worker began to process the event.',
  transforming: 'The file was open, and the transform began.',
  written: 'All outputs were stored.',
  processing: 'A worker has been processing the upload for more than a second.',
  processed: 'The record was updated: the outputs can be downloaded.',
  failed: 'The record was updated: the upload is not retried.',
  quarantined: 'The record was updated: the scan found malware, so nobody can download the upload.',
}

export function Timeline({ steps, upload }: { steps: readonly Step[]; upload: Upload }) {
  const total = (steps.at(-1)?.at ?? 0) - (steps[0]?.at ?? 0)
  const isPaused = summary.value?.pauses.some(({ workerId }) => workerId === null) ?? false
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      <ol class="timeline">
        {steps.map((step, index) => {
          const before = steps[index - 1]
          // The clocks of Kinesis, of the api and of the worker differ by some milliseconds.
          const took = before && Math.max(0, step.at - before.at)
          return (
            <li key={step.name} class={step.name} title={WHAT[step.name]}>
              <span class="step">{step.name}</span>
              <Time at={step.at} />
              <span class="muted">{took === undefined ? '' : `after ${took === 0 ? '0 ms' : latency(took)}`}</span>
            </li>
          )
        })}
        {!isFinal(upload.status) && (
          <li class="waiting">
            <span class="pulse" aria-hidden="true" />{' '}
            <span class="muted">
              {isPaused ? (
                <>
                  The application is <a href="#/workers">paused</a>. The upload waits until it is resumed.
                </>
              ) : (
                'The next step appears here.'
              )}
            </span>
          </li>
        )}
      </ol>
      {isFinal(upload.status) && (
        <p class="muted">
          {latency(Math.max(0, total))} in all
          {upload.transform ? `, by the transform ${upload.transform.name} (version ${upload.transform.version})` : ''}.
        </p>
      )}
    </section>
  )
}

/** Which worker processed the upload, from where, and in how many attempts. */
export function Processing({ upload, view }: { upload: Upload; view: TrailView | undefined }) {
  if (!isFinal(upload.status) || !view) return null
  const { trail, traceId, failure } = view
  if (!trail && !traceId) {
    return (
      <p class="muted">
        {failure
          ? `The steps of the worker are unknown. ${failure.title}`
          : 'An older worker processed this upload, and recorded no steps.'}
      </p>
    )
  }
  return (
    <dl class="facts panel processing">
      {trail && (
        <>
          <div>
            <dt>Worker</dt>
            <dd>
              <Worker id={trail.workerId} />
            </dd>
          </div>
          <div>
            <dt>Attempts of this worker</dt>
            <dd>{trail.attempt === 1 ? '1, no retry' : `${trail.attempt}, of which ${trail.attempt - 1} failed`}</dd>
          </div>
          <div>
            <dt>Shard</dt>
            <dd>
              <a href={`#/stream/${trail.shardId}`}>{shardName(trail.shardId)}</a>
            </dd>
          </div>
          <div class="wide">
            <dt>Sequence number</dt>
            <dd class="mono break">{trail.sequenceNumber}</dd>
          </div>
        </>
      )}
      {traceId !== null && (
        <div class="wide">
          <dt>Trace id, also in each line of the log</dt>
          <dd class="mono break">{traceId}</dd>
        </div>
      )}
    </dl>
  )
}
