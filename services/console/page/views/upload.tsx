import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Trail } from '../../../uploads/records/trail.ts'
import type { Failure, TrailView } from '../../snapshot.ts'
import { events, getJson, RequestError, request } from '../api.ts'
import { bytes, count, shardName } from '../format.ts'
import { Ago, FailureBox, Worker } from '../parts.tsx'
import { about } from '../state.ts'
import { isFinal, type Upload, uploads } from '../uploads-state.ts'
import { linkTo } from './notifications.tsx'
import { Preview } from './preview.tsx'
import { nextSteps, Processing, type Step, stepsOf, Timeline } from './timeline.tsx'
import { Status } from './uploads.tsx'

const TRAIL_INTERVAL_MS = 2_000

/** One upload: what happened when, the original and the outputs. */
export function UploadView({ id }: { id: string }) {
  const upload = useSignal<Upload | undefined>(undefined)
  const seen = useSignal<readonly Step[]>([])
  const trail = useSignal<TrailView | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)

  useEffect(() => {
    const stop = new AbortController()
    void follow(id, stop.signal, {
      onState(state) {
        upload.value = state
        seen.value = nextSteps(seen.value, state)
        if (isFinal(state.status)) void readTrail(id, stop.signal, trail)
      },
      onFailure(found) {
        failure.value = found
      },
    })
    return () => stop.abort()
  }, [id])

  const isEnded = upload.value === undefined || isFinal(upload.value.status)
  useEffect(() => {
    if (isEnded) return
    // A retry changes nothing that clients see, so the api reports no event.
    const stop = new AbortController()
    const read = () => {
      if (!document.hidden) void readTrail(id, stop.signal, trail)
    }
    const timer = setInterval(read, TRAIL_INTERVAL_MS)
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [id, isEnded])

  const found = upload.value
  return (
    <>
      <p class="crumbs">
        <a href="#/uploads">Uploads</a> <span aria-hidden="true">/</span> <span>{id}</span>
      </p>
      <h1>
        {found?.filename ?? 'Upload'} {found && <Status status={found.status} />}
      </h1>
      {failure.value && <FailureBox failure={failure.value} />}
      {found && !isFinal(found.status) && <Retried trail={trail.value?.trail ?? null} />}
      {found?.failure && <FailureBox failure={{ title: found.failure.reason, advice: found.failure.code }} />}
      {found && (
        <>
          <Timeline steps={stepsOf(found, seen.value, trail.value)} upload={found} />
          <Owed notifications={trail.value?.notifications ?? []} />
          <Facts upload={found} />
          <Processing upload={found} view={trail.value} />
          <div class="previews">
            {found.status !== 'pending' && (
              <Preview
                title="Original"
                path={`/api/uploads/${id}/content`}
                filename={found.filename}
                type={found.detectedType ?? found.contentType}
                size={found.size}
              />
            )}
            {found.outputs?.map(output => (
              <Preview
                key={output.name}
                title={output.name === 'main' ? 'Output' : `Output: ${output.name}`}
                path={`/api/uploads/${id}/outputs/${encodeURIComponent(output.name)}`}
                filename={output.filename ?? `${output.name}-${found.filename}`}
                type={output.contentType ?? 'application/octet-stream'}
                size={output.size}
              />
            ))}
          </div>
          {about.value?.allowChanges && <Remove upload={found} />}
        </>
      )}
    </>
  )
}

/** The notifications that a destination has not got yet. The record keeps none that was delivered. */
function Owed({ notifications }: Pick<TrailView, 'notifications'>) {
  if (notifications.length === 0) return null
  return (
    <section aria-labelledby="owed">
      <h2 id="owed">Notifications that are owed</h2>
      <ul class="findings">
        {notifications.map(row => (
          <li key={`${row.id} ${row.destination}`} class={`finding ${row.attempts > 0 ? 'warning' : 'info'}`}>
            <strong>
              {row.type} for {row.destination}
            </strong>
            <p>
              {row.attempts === 0
                ? 'No attempt has failed. It is sent as soon as those before it are delivered.'
                : `${count(row.attempts, 'attempt')} failed, the last one with ${row.lastFailure ?? 'an unknown error'}.`}
            </p>
            <p class="links">
              <a href={linkTo({ isReadable: true, ...row })}>Show the notification</a>
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Says why an upload that has not ended takes so long. */
function Retried({ trail }: { trail: Trail | null }) {
  if (trail?.error === undefined) return null
  return (
    <div class="finding warning" role="status">
      <strong>Attempt {trail.attempt} failed, and the upload is retried.</strong>
      <p class="break">{trail.error}</p>
      <p class="links">
        <a href={`#/stream/${trail.shardId}`}>Show {shardName(trail.shardId)}</a>
        <span class="muted">
          <Ago at={trail.startedAt} />, by <Worker id={trail.workerId} />
        </span>
      </p>
    </div>
  )
}

async function readTrail(id: string, signal: AbortSignal, trail: { value: TrailView | undefined }): Promise<void> {
  try {
    trail.value = await getJson<TrailView>(`/api/uploads/${id}/trail`, signal)
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof RequestError)) throw error
    // The view works without it, with fewer steps. It says why.
    trail.value = { trail: null, traceId: null, redrivenAt: null, notifications: [], failure: error.failure }
  }
}

interface Handlers {
  onState(upload: Upload): void
  onFailure(failure: Failure | undefined): void
}

const RETRY_MS = 2_000

/** Follows an upload until it is final, by the server-sent events of the api. */
async function follow(id: string, signal: AbortSignal, { onState, onFailure }: Handlers): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const state of events<Upload>(`/api/uploads/${id}/events`, signal)) {
        onFailure(undefined)
        onState(state)
        if (isFinal(state.status)) return
      }
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
      onFailure(error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' })
      if (error instanceof RequestError && error.status === 404) return
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

function Facts({ upload }: { upload: Upload }) {
  const { uploadId, size, contentType, detectedType, metadata = {}, sha256, s3 } = upload
  const outputs = (upload.outputs ?? []).map(output => ({
    name: output.name,
    place: output.s3 ? `s3://${output.s3.bucket}/${output.s3.key}` : 'an item in the table of the uploads',
  }))
  return (
    <dl class="facts panel">
      <div>
        <dt>Size</dt>
        <dd>{bytes(size)}</dd>
      </div>
      <div>
        <dt>Type</dt>
        <dd>
          {detectedType && detectedType !== contentType ? `${detectedType}, declared as ${contentType}` : contentType}
        </dd>
      </div>
      <div class="wide">
        <dt>Upload id</dt>
        <dd class="mono break">{uploadId}</dd>
      </div>
      <div class="wide">
        <dt>Object</dt>
        <dd class="mono break">
          s3://{s3.bucket}/{s3.key}
        </dd>
      </div>
      {outputs.map(({ name, place }) => (
        <div key={name} class="wide">
          <dt>{name === 'main' ? 'Output' : `Output ${name}`}</dt>
          <dd class="mono break">{place}</dd>
        </div>
      ))}
      {Object.entries(metadata).map(([name, value]) => (
        <div key={name} class="wide">
          <dt>Metadata {name}</dt>
          <dd class="break">{value}</dd>
        </div>
      ))}
      {sha256 && (
        <div class="wide">
          <dt>SHA-256</dt>
          <dd class="mono break">{sha256}</dd>
        </div>
      )}
    </dl>
  )
}

function Remove({ upload }: { upload: Upload }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const failure = useSignal<Failure | undefined>(undefined)

  async function remove(): Promise<void> {
    try {
      await request(`/api/uploads/${upload.uploadId}`, { method: 'DELETE' })
      uploads.value = uploads.value?.filter(({ uploadId }) => uploadId !== upload.uploadId)
      location.hash = '#/uploads'
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    }
  }

  return (
    <p>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        Delete…
      </button>
      <dialog ref={dialog} aria-labelledby="remove-title">
        <h2 id="remove-title">Delete 1 upload?</h2>
        <p class="break">The file {upload.filename}, its outputs and its record are deleted. This cannot be undone.</p>
        {failure.value && <FailureBox failure={failure.value} />}
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="danger" onClick={() => void remove()}>
            Delete 1 upload
          </button>
        </div>
      </dialog>
    </p>
  )
}
