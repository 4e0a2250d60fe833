import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Failure } from '../../snapshot.ts'
import { RequestError, sendJson } from '../api.ts'
import { count } from '../format.ts'
import { FailureBox } from '../parts.tsx'
import { about, summary } from '../state.ts'

/** A button that pauses or resumes the whole application, after a dialog that says what happens. */
export function PauseButton() {
  const dialog = useRef<HTMLDialogElement>(null)
  const reason = useSignal('')
  const failure = useSignal<Failure | undefined>(undefined)
  const isPaused = summary.value?.pauses.some(({ workerId }) => workerId === null) ?? false
  const workers = summary.value?.workers ?? []
  const action = isPaused ? 'resume' : 'pause'
  if (!about.value?.allowChanges || workers.length === 0) return null

  async function send(): Promise<void> {
    failure.value = undefined
    try {
      await sendJson('POST', `/api/${action}`, { reason: reason.value })
      reason.value = ''
      dialog.current?.close()
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    }
  }

  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {isPaused ? 'Resume…' : 'Pause…'}
      </button>
      <dialog ref={dialog} aria-labelledby="pause-title">
        <form
          onSubmit={event => {
            event.preventDefault()
            void send()
          }}
        >
          <h2 id="pause-title">
            {isPaused ? 'Resume' : 'Pause'} {about.value.applicationName}?
          </h2>
          <p>
            {isPaused
              ? `${count(workers.length, 'worker')} start to process records again.`
              : `${count(workers.length, 'worker')} finish what they have begun, and process no further records until someone resumes them. Records wait in the stream. Workers of KCL ignore a pause.`}
          </p>
          <label>
            Reason
            <input
              required
              maxLength={1_000}
              value={reason.value}
              onInput={event => {
                reason.value = event.currentTarget.value
              }}
            />
          </label>
          {failure.value && <FailureBox failure={failure.value} />}
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="primary">
              {isPaused ? 'Resume' : 'Pause'} {count(workers.length, 'worker')}
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
