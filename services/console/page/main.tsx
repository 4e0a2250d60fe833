import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { hasToken, takeToken } from './api.ts'
import { connect } from './live.ts'
import './page.css'
import { Empty } from './parts.tsx'
import { about, findings, isLocked, offline, route, setTheme, summary, type Theme, theme } from './state.ts'
import { DeadLetter } from './views/dead-letter.tsx'
import { DeadLetters } from './views/dead-letters.tsx'
import { NotificationPage } from './views/notification.tsx'
import { Notifications } from './views/notifications.tsx'
import { Overview } from './views/overview.tsx'
import { Replay } from './views/replay.tsx'
import { Shard } from './views/shard.tsx'
import { Stream } from './views/stream.tsx'
import { UploadView } from './views/upload.tsx'
import { Uploads } from './views/uploads.tsx'
import { Workers } from './views/workers.tsx'

interface Section {
  name: string
  title: string
}

const SECTIONS: readonly Section[] = [
  { name: 'overview', title: 'Overview' },
  { name: 'uploads', title: 'Uploads' },
  { name: 'stream', title: 'Stream' },
  { name: 'workers', title: 'Workers' },
  { name: 'dead-letters', title: 'Dead letters' },
  { name: 'notifications', title: 'Notifications' },
  { name: 'replay', title: 'Replay' },
]

function App() {
  if (isLocked.value) return <Locked />
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skipToContent}>
        Skip to the content
      </button>
      <Header />
      <Navigation />
      <Content />
    </div>
  )
}

/** Not a link, because the part of the address after `#` selects the view. */
function skipToContent(): void {
  document.querySelector<HTMLElement>('#content')?.focus()
}

function Header() {
  const { streamName, applicationName, region, allowChanges } = about.value ?? {}
  return (
    <header>
      <a class="brand" href="#/" aria-label="Headgate console: overview">
        <img src="/icon.svg" alt="" width="22" height="22" />
        <span>Headgate</span>
      </a>
      {about.value && (
        <div class="context">
          <span class="clip" title={`Stream ${streamName}`}>
            {streamName}
          </span>
          <span class="clip wide-only" title={`Application ${applicationName}`}>
            {applicationName}
          </span>
          <span class="clip wide-only" title="Region">
            {region}
          </span>
          <span class={`mode ${allowChanges ? 'changes' : ''}`}>{allowChanges ? 'changes allowed' : 'read-only'}</span>
        </div>
      )}
      <span class={`live ${offline.value ? 'off' : ''}`} role="status">
        <span class="dot" aria-hidden="true" />
        {offline.value ? 'offline' : summary.value ? 'live' : 'connecting'}
      </span>
      <label class="theme">
        <span class="sr-only">Theme</span>
        <select value={theme.value} onChange={event => setTheme(event.currentTarget.value as Theme)}>
          <option value="auto">Auto</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
    </header>
  )
}

function Navigation() {
  const [current] = route.value
  const critical = findings.value.filter(({ severity }) => severity === 'critical').length
  return (
    <nav aria-label="Views">
      {SECTIONS.map(({ name, title }) => (
        <a key={name} href={`#/${name}`} aria-current={name === current ? 'page' : undefined}>
          {title}
          {name === 'overview' && critical > 0 && (
            <span class="count" title={`${critical} broken`}>
              {critical}
            </span>
          )}
        </a>
      ))}
    </nav>
  )
}

function Content() {
  const main = useRef<HTMLElement>(null)
  const path = route.value.join('/')
  const isFirst = useRef(true)
  useEffect(() => {
    // A screen reader reads the new view, and the Tab key starts there.
    if (!isFirst.current) main.current?.focus({ preventScroll: true })
    isFirst.current = false
    scrollTo(0, 0)
    document.title = `${titleOf(route.value)} – Headgate`
  }, [path])
  return (
    <main ref={main} id="content" tabIndex={-1}>
      {offline.value && (
        <div class="finding critical" role="alert">
          <strong>{offline.value.title}</strong>
          <p>{offline.value.advice} What is below may be old.</p>
        </div>
      )}
      <View />
    </main>
  )
}

function titleOf([view = '', id]: readonly string[]): string {
  if (view === 'notifications' && id !== undefined) return new URLSearchParams(id).get('id') ?? 'Notification'
  return id ?? SECTIONS.find(({ name }) => name === view)?.title ?? 'Not found'
}

function View() {
  const [view, id] = route.value
  if (view === 'overview') return <Overview />
  if (view === 'stream') return id === undefined ? <Stream /> : <Shard id={id} />
  if (view === 'uploads') return id === undefined ? <Uploads /> : <UploadView key={id} id={id} />
  if (view === 'workers') return <Workers />
  if (view === 'dead-letters') return id === undefined ? <DeadLetters /> : <DeadLetter key={id} id={id} />
  if (view === 'notifications') {
    return id === undefined ? <Notifications /> : <NotificationPage key={id} place={id} />
  }
  if (view === 'replay') return <Replay />
  return (
    <>
      <h1>Not found</h1>
      <Empty title="There is no such view.">
        <a href="#/">Go to the overview</a>
      </Empty>
    </>
  )
}

function Locked() {
  return (
    <main class="locked">
      <img src="/icon.svg" alt="" width="40" height="40" />
      <h1>This link does not open the console</h1>
      <p>
        Every start of the console prints a new link with a token. Open the link of the console that runs now. A copied
        address without the token works only in the tab where the link was opened.
      </p>
    </main>
  )
}

/** A file that is dropped beside the drop zone would otherwise replace the page. */
function ignoreDrop(event: DragEvent): void {
  if (event.defaultPrevented) return
  event.preventDefault()
  if (event.dataTransfer) event.dataTransfer.dropEffect = 'none'
}

addEventListener('dragover', ignoreDrop)
addEventListener('drop', ignoreDrop)
takeToken()
addEventListener('hashchange', takeToken)
setTheme(theme.value)
isLocked.value = !hasToken()
if (route.value[0]?.startsWith('t=')) route.value = ['overview']
const container = document.querySelector('#app') ?? document.body
container.replaceChildren()
render(<App />, container)
if (!isLocked.value) void connect()
