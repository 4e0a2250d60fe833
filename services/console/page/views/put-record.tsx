import { useSignal } from '@preact/signals'
import type { ShardView } from '../../snapshot.ts'
import { sendJson } from '../api.ts'
import { base64Of } from '../data-text.ts'
import { FormDialog, TextField } from '../form-dialog.tsx'
import { shardName } from '../format.ts'
import { about } from '../state.ts'

const MAX_KEY = 256

/** A dialog that puts one record on a shard. Exists only if the console allows changes. */
export function PutRecord({ shard }: { shard: ShardView }) {
  const key = useSignal('test')
  const data = useSignal('{"hello":"kinesis"}')
  const isDone = useSignal(false)

  async function put(): Promise<void> {
    const body = { partitionKey: key.value, data: base64Of(new TextEncoder().encode(data.value)) }
    await sendJson('POST', `/api/shards/${encodeURIComponent(shard.id)}/records`, body)
    isDone.value = true
  }

  return (
    <span class="tools">
      {isDone.value && (
        <span class="muted" role="status">
          The record was put.
        </span>
      )}
      <FormDialog
        button="Put a record…"
        title={`Put a record on ${shardName(shard.id)}`}
        text={`The workers of ${about.value?.applicationName} and all other readers of ${about.value?.streamName} get this record.`}
        submit="Put 1 record"
        onSubmit={put}
      >
        <TextField label="Partition key" value={key} maxLength={MAX_KEY} isRequired />
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
      </FormDialog>
    </span>
  )
}
