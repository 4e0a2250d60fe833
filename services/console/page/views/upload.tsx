import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Failure } from '../../snapshot.ts'
import { events, RequestError, request } from '../api.ts'
import { bytes, duration } from '../format.ts'
import { FailureBox, Time } from '../parts.tsx'
import { about } from '../state.ts'
import { isFinal, type Upload, uploads } from '../uploads-state.ts'
import { Preview } from './preview.tsx'
import { Status } from './uploads.tsx'

/** A status and when this page saw it. */
interface Step {
  status: Upload['status'] | 'accepted'
  at: number
  /** The time is from the record. Otherwise it is when this page saw the status. */
  isExact: boolean
}

/** One upload: what happened when, the original and the outputs. */
export function UploadView({ id }: { id: string }) {
  const upload = useSignal<Upload | undefined>(undefined)
  const steps = useSignal<readonly Step[]>([])
  const failure = useSignal<Failure | undefined>(undefined)

  useEffect(() => {
    const stop = new AbortController()
    void follow(id, stop.signal, {
      onState(state) {
        upload.value = state
        steps.value = nextSteps(steps.value, state)
      },
      onFailure(found) {
        failure.value = found
      },
    })
    return () => stop.abort()
  }, [id])

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
      {found?.failure && <FailureBox failure={{ title: found.failure.reason, advice: found.failure.code }} />}
      {found && (
        <>
          <Timeline steps={steps.value} upload={found} />
          <Facts upload={found} />
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

/** Adds what a state says that is not known yet. The record has the times of the first and of the current status. */
function nextSteps(steps: readonly Step[], { status, uploadedAt, updatedAt }: Upload): readonly Step[] {
  const start: Step = { status: 'accepted', at: Date.parse(uploadedAt), isExact: true }
  const known = steps.length === 0 ? [start] : steps
  if (known.at(-1)?.status === status) return known
  return [...known, { status, at: Date.parse(updatedAt), isExact: true }]
}

function Timeline({ steps, upload }: { steps: readonly Step[]; upload: Upload }) {
  const total = (steps.at(-1)?.at ?? 0) - (steps[0]?.at ?? 0)
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      <ol class="timeline">
        {steps.map((step, index) => {
          const before = steps[index - 1]
          return (
            <li key={step.status} class={step.status}>
              <span class="step">{step.status}</span>
              <Time at={step.at} />
              <span class="muted">{before ? `after ${duration(step.at - before.at)}` : ''}</span>
            </li>
          )
        })}
        {!isFinal(upload.status) && (
          <li class="waiting">
            <span class="pulse" aria-hidden="true" /> <span class="muted">The next step appears here.</span>
          </li>
        )}
      </ol>
      {isFinal(upload.status) && (
        <p class="muted">
          {duration(total)} in all
          {upload.transform ? `, by the transform ${upload.transform.name} (${upload.transform.version})` : ''}.
        </p>
      )}
    </section>
  )
}

function Facts({ upload }: { upload: Upload }) {
  const { uploadId, size, contentType, detectedType, sha256, s3 } = upload
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
