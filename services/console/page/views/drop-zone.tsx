import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { bytes } from '../format.ts'
import {
  findInterrupted,
  forget,
  forgetInterrupted,
  interrupted,
  type Sending,
  sendFiles,
  sending,
} from '../sending.ts'
import { refresh } from '../uploads-state.ts'

/** Takes files that are dropped or chosen. */
export function DropZone() {
  const isOver = useSignal(false)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => void findInterrupted(), [])
  return (
    <>
      <section
        class={`drop ${isOver.value ? 'over' : ''}`}
        aria-label="Upload files"
        onDragOver={event => {
          event.preventDefault()
          isOver.value = true
        }}
        onDragLeave={() => {
          isOver.value = false
        }}
        onDrop={event => {
          event.preventDefault()
          isOver.value = false
          void sendFiles(event.dataTransfer?.files ?? [], refresh)
        }}
      >
        Drop files here, or{' '}
        <button type="button" onClick={() => input.current?.click()}>
          choose files…
        </button>
        <input
          ref={input}
          class="sr-only"
          type="file"
          multiple
          tabIndex={-1}
          aria-label="Files"
          onChange={event => {
            void sendFiles([...(event.currentTarget.files ?? [])], refresh)
            event.currentTarget.value = ''
          }}
        />
      </section>
      <ul class="sending" aria-label="Files that are being sent">
        {sending.value.map(entry => (
          <SendingItem key={entry.key} entry={entry} />
        ))}
      </ul>
      {interrupted.value.length > 0 && (
        <ul class="sending" aria-label="Interrupted uploads">
          {interrupted.value.map(({ key, name }) => (
            <li key={key} class="spread">
              <span class="clip grow">
                {name} <span class="muted">was interrupted. Choose the same file again to continue.</span>
              </span>
              <button type="button" onClick={() => void forgetInterrupted(key)}>
                Forget
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function SendingItem({ entry }: { entry: Sending }) {
  const { key, name, size, sentBytes, isPaused, error, cancel, pause, resume, retry } = entry
  const share = size === 0 ? 1 : sentBytes / size
  return (
    <li class="spread">
      <span class="clip grow">{name}</span>
      {error === undefined ? (
        <>
          <progress max={1} value={share} aria-label={`${name}: sent`} />
          <span class="muted nowrap">
            {isPaused && 'paused at '}
            {bytes(sentBytes)} of {bytes(size)}
          </span>
          {pause && (
            <button type="button" onClick={isPaused ? resume : pause}>
              {isPaused ? 'Resume' : 'Pause'}
            </button>
          )}
          <button type="button" onClick={cancel}>
            Cancel
          </button>
        </>
      ) : (
        <>
          <span class="error" role="alert">
            {error}
          </span>
          {retry && (
            <button type="button" onClick={retry}>
              Try again
            </button>
          )}
          <button type="button" onClick={() => forget(key)}>
            Remove
          </button>
        </>
      )}
    </li>
  )
}
