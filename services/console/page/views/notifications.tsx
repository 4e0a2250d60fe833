import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { DestinationView, NotificationsLine, NotificationView } from '../../notification-views.ts'
import type { Failure } from '../../snapshot.ts'
import { choiceColumn, chosenOf } from '../choice.tsx'
import { age, count } from '../format.ts'
import { Ago, Badge, Empty, FailureBox, Table, type TableColumn, Time } from '../parts.tsx'
import { readLines } from '../read-lines.ts'
import { about, now, summary } from '../state.ts'
import { ReplayNotifications } from './replay-notifications.tsx'

export type ReadableNotification = Extract<NotificationView, { isReadable: true }>

const GUIDE = 'https://github.com/headgate/headgate/blob/main/docs/how-to/notifications.md'
const REREAD_MS = 10_000
/** A longer list is read again only on request, because each row costs a read. */
const MAX_REREAD = 200

/** One destination has one row of a notification for an upload. */
const keyOf = ({ id, destination, state, key }: ReadableNotification) => key ?? `${state} ${destination} ${id}`

const columns: ReadonlyArray<TableColumn<ReadableNotification>> = [
  {
    title: 'Since',
    width: '6.5rem',
    cell: row => (
      <a class="row-link" href={linkTo(row)}>
        <Ago at={Date.parse(row.timestamp)} />
      </a>
    ),
    sortBy: ({ timestamp }) => timestamp,
  },
  { title: 'Type', width: 'minmax(6rem, 9rem)', cell: ({ type }) => type, sortBy: ({ type }) => type },
  {
    title: 'State',
    width: '6rem',
    cell: ({ state }) => <Badge level={state === 'owed' ? 'warn' : 'bad'}>{state}</Badge>,
    sortBy: ({ state }) => state,
  },
  {
    title: 'Last failure',
    width: 'minmax(6rem, 1fr)',
    cell: ({ lastFailure }) => lastFailure ?? '–',
    sortBy: ({ lastFailure }) => lastFailure,
    isWide: true,
  },
  {
    title: 'Attempts',
    width: '5.5rem',
    cell: ({ attempts }) => attempts,
    sortBy: ({ attempts }) => attempts,
    align: 'right',
    isWide: true,
  },
  { title: 'Next attempt', width: '8rem', cell: row => <Next row={row} />, isWide: true },
  {
    title: 'Upload',
    width: 'minmax(8rem, 2fr)',
    cell: ({ uploadId }) => <span class="mono clip">{uploadId}</span>,
    isWide: true,
  },
]

function Next({ row }: { row: ReadableNotification }) {
  if (row.state === 'given up') return <span class="muted">none</span>
  const at = row.nextAttempt === undefined ? 0 : Date.parse(row.nextAttempt)
  return at > now.value ? <Time at={at}>in {age(at - now.value)}</Time> : <>soon</>
}

/** Returns the address of the view of a notification. It has what the server needs to read one. */
export function linkTo({ id, destination, owner, uploadId, key }: ReadableNotification): string {
  const query = new URLSearchParams({ id, destination, owner, uploadId, ...(key !== undefined && { key }) })
  return `#/notifications/${encodeURIComponent(query.toString())}`
}

/** Notifications that a destination has not got, by destination. */
export function Notifications() {
  const list = useSignal<readonly NotificationView[] | undefined>(undefined)
  const failures = useSignal<readonly Failure[]>([])
  const isCut = useSignal(false)
  const result = useSignal('')
  const stop = useRef(new AbortController())
  const access = about.value?.notifications

  async function read(): Promise<void> {
    const { signal } = stop.current
    const found: NotificationView[] = []
    const failed: Failure[] = []
    const failure = await readLines<NotificationsLine>('/api/notifications', signal, line => {
      if (line.type === 'notification') found.push(line.notification)
      else if (line.type === 'failure') failed.push(line.failure)
      else isCut.value = line.isCut
    })
    if (signal.aborted) return
    list.value = found
    failures.value = failure ? [...failed, failure] : failed
  }

  useEffect(() => {
    stop.current = new AbortController()
    if (!access) return
    void read()
    const timer = setInterval(() => {
      if (!document.hidden && (list.value?.length ?? 0) <= MAX_REREAD) void read()
    }, REREAD_MS)
    return () => {
      clearInterval(timer)
      stop.current.abort()
    }
  }, [access])

  const all = list.value ?? []
  const readable = all.filter(notification => notification.isReadable)
  const destinations = summary.value?.destinations ?? []
  const names = [...new Set([...destinations.map(({ name }) => name), ...readable.map(row => row.destination)])].sort()
  return (
    <>
      <div class="spread wrap">
        <h1>Notifications</h1>
        {access && (
          <button type="button" onClick={() => void read()}>
            Read again
          </button>
        )}
      </div>
      <p class="lead">
        Webhooks and events that a destination has not got: the workers still try to deliver what is owed. What was
        given up can be sent again.
      </p>
      <p role="status">{result.value}</p>
      {failures.value.map(failure => (
        <FailureBox key={failure.title} failure={failure} />
      ))}
      {!access && about.value && (
        <Empty title="This console knows no deployment with notifications.">
          Set PROCESSED_BUCKET and UPLOADS_TABLE to those of the workers, and start the console again.
        </Empty>
      )}
      {access && !list.value && failures.value.length === 0 && <p class="muted">Reading the notifications…</p>}
      {list.value && names.length === 0 && failures.value.length === 0 && (
        <Empty title="No notification waits.">
          {summary.value?.destinations
            ? 'The workers have no destinations. '
            : 'If the workers have destinations, these have got all notifications. '}
          To notify another system when an upload is processed, start the workers with NOTIFICATIONS, or{' '}
          <code>WEBHOOK_URL=http://127.0.0.1:4000 npm start</code> on your machine.{' '}
          <a href={GUIDE} target="_blank" rel="noreferrer">
            How to turn notifications on ↗
          </a>
        </Empty>
      )}
      {readable.length < all.length && (
        <p class="muted">{count(all.length - readable.length, 'object')} cannot be read by this version.</p>
      )}
      {isCut.value && (
        <p class="muted">Only the first {all.length} are listed. Use headgate notifications for the others.</p>
      )}
      {names.map(name => (
        <Destination
          key={name}
          name={name}
          rows={readable.filter(({ destination }) => destination === name)}
          seen={destinations.find(one => one.name === name)}
          hasList={list.value !== undefined}
          result={result}
          onDone={read}
        />
      ))}
    </>
  )
}

interface DestinationSettings {
  name: string
  rows: readonly ReadableNotification[]
  /** Undefined if no page of metrics has the destination. */
  seen: DestinationView | undefined
  hasList: boolean
  result: Signal<string>
  onDone(): Promise<void>
}

function Destination({ name, rows, seen, hasList, result, onDone }: DestinationSettings) {
  const chosen = useSignal<ReadonlySet<string>>(new Set())
  const isGivenUp = ({ state }: ReadableNotification) => state === 'given up'
  const givenUp = rows.filter(isGivenUp)
  const nameOf = ({ type, uploadId }: ReadableNotification) => `${type} of ${uploadId}`
  const withChoice = about.value?.allowChanges
    ? [choiceColumn({ chosen, rows, keyOf, nameOf, canChoose: isGivenUp }), ...columns]
    : columns
  const { rows: selected, isAll } = chosenOf({ chosen, rows: givenUp, keyOf })
  return (
    <section aria-label={name}>
      <div class="spread wrap group-head">
        <h2>
          {name} {hasList && <span class="muted">{rows.length}</span>}
        </h2>
        {givenUp.length > 0 && (
          <ReplayNotifications
            notifications={selected}
            button={isAll ? `Send all ${givenUp.length} again…` : `Send ${selected.length} chosen again…`}
            result={result}
            onDone={onDone}
          />
        )}
      </div>
      <Breaker seen={seen} />
      {rows.length > 0 ? (
        <Table label={`Notifications for ${name}`} rows={rows} keyOf={keyOf} columns={withChoice} />
      ) : (
        hasList && <p class="muted">It has got all of its notifications.</p>
      )}
    </section>
  )
}

/** Whether the workers send to a destination now, and how often they did. */
function Breaker({ seen }: { seen: DestinationView | undefined }) {
  if (!seen) {
    return <p class="muted">Whether the workers send to it now is unknown: no page of metrics has this destination.</p>
  }
  const { workers, heldBackBy, sent, failed, givenUp } = seen
  return (
    <p class="breaker">
      {heldBackBy === 0 ? (
        <Badge level="ok">breaker closed</Badge>
      ) : (
        <Badge level="bad">
          {workers === 1 ? 'breaker open' : `breaker open in ${heldBackBy} of ${workers} workers`}
        </Badge>
      )}{' '}
      <span class="muted">
        {heldBackBy > 0 &&
          'It accepted none of the last notifications, or asked for a wait. A worker sends one from time to time to try. '}
        Since the workers started: {count(sent, 'notification')} sent, {count(failed, 'failed attempt')},{' '}
        {givenUp.toLocaleString('en')} given up.
      </span>
    </p>
  )
}
