import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Failure, ShardView } from '../../snapshot.ts'
import { RequestError, sendJson } from '../api.ts'
import { base64Of } from '../data-text.ts'
import { shardName } from '../format.ts'
import { FailureBox } from '../parts.tsx'
import { about } from '../state.ts'

/** A dialog that puts one record on a shard. Exists only if the console allows changes. */
export function PutRecord({ shard }: { shard: ShardView }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const key = useSignal('test')
  const data = useSignal('{"hello":"kinesis"}')
  const failure = useSignal<Failure | undefined>(undefined)
  const done = useSignal('')

  async function put(): Promise<void> {
    failure.value = undefined
    try {
      const body = { partitionKey: key.value, data: base64Of(new TextEncoder().encode(data.value)) }
      const path = `/api/shards/${encodeURIComponent(shard.id)}/records`
      const { sequenceNumber } = await sendJson<{ sequenceNumber: string }>('POST', path, body)
      done.value = sequenceNumber
      dialog.current?.close()
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    }
  }

  return (
    <>
      <span class="tools">
        {done.value && (
          <span class="muted" role="status">
            The record was put.
          </span>
        )}
        <button type="button" onClick={() => dialog.current?.showModal()}>
          Put a record…
        </button>
      </span>
      <dialog ref={dialog} aria-labelledby="put-title">
        <form
          method="dialog"
          onSubmit={event => {
            event.preventDefault()
            void put()
          }}
        >
          <h2 id="put-title">Put a record on {shardName(shard.id)}</h2>
          <p class="muted">
            The workers of {about.value?.applicationName} and all other readers of {about.value?.streamName} get this
            record.
          </p>
          <label>
            Partition key
            <input
              required
              maxLength={256}
              value={key.value}
              onInput={event => {
                key.value = event.currentTarget.value
              }}
            />
          </label>
          <label>
            Data
            <textarea
              rows={8}
              class="mono"
              value={data.value}
              onInput={event => {
                data.value = event.currentTarget.value
              }}
            />
          </label>
          {failure.value && <FailureBox failure={failure.value} />}
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="primary">
              Put 1 record
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
