import * as headgate from './headgate.js'
import { Dashboard, Tus, Uppy } from './uppy.js'

const element = id => document.getElementById(id)
const signInForm = element('sign-in')

// Cognito's pages return without the query of this page, so its settings are kept in the tab. A real page has constants.
const SETTINGS = 'headgate-settings'
const saved = JSON.parse(sessionStorage.getItem(SETTINGS) ?? '{}')
const query = Object.fromEntries(new URLSearchParams(location.search))

// http://127.0.0.1:8000/?api=http://127.0.0.1:4300 fills in a field.
for (const [name, value] of Object.entries({ ...saved, ...query })) {
  const field = signInForm.elements.namedItem(name)
  if (field) field.value = value
}

signInForm.addEventListener('submit', event => {
  event.preventDefault()
  const api = new FormData(signInForm).get('api').replace(/\/+$/, '')
  void report(async () => {
    const settings = { api, ...(await signInMetadata(api)) }
    sessionStorage.setItem(SETTINGS, JSON.stringify(settings))
    await signIn(settings)
  })
})

// Asks the api for the issuer of its tokens and the id of the app client.
async function signInMetadata(api) {
  const response = await fetch(`${api}/.well-known/headgate`).catch(() => undefined)
  if (!response?.ok)
    throw new Error(`${api} did not respond. Does the api run, and does it allow the origin ${location.origin}?`)
  return await response.json()
}

// Without this script, the browser itself would send the form.
signInForm.querySelector('button').disabled = false

// Cognito's pages have returned here.
if ('code' in query || 'error' in query) void report(() => signIn(saved))

async function signIn(settings) {
  Object.assign(headgate.settings, settings)
  if (!(await headgate.signIn())) return
  signInForm.hidden = true
  element('areas').hidden = false
  showDashboard()
}

element('sign-out').addEventListener('click', () => report(headgate.signOut))

element('plain').addEventListener('submit', event => {
  event.preventDefault()
  const file = new FormData(event.target).get('file')
  void report(async () => {
    const { uploadId } = await headgate.uploadSmall(file)
    await showStatus(uploadId, file.name)
  })
})

function showDashboard() {
  const uppy = new Uppy().use(Dashboard, { target: '#dashboard', inline: true, width: '100%' }).use(Tus, {
    endpoint: `${headgate.settings.api}/uploads/tus`,
    chunkSize: 4 * 1024 * 1024,
    ...headgate.tokenOptions,
  })
  uppy.on('upload-success', (file, { uploadURL }) => {
    void report(() => showStatus(uploadURL.split('/').at(-1), file.name))
  })
}

// Adds a line for an upload, and changes it until the upload is processed or has failed.
async function showStatus(uploadId, filename) {
  const line = element('uploads').appendChild(document.createElement('li'))
  for await (const { status, outputs = [], failure } of headgate.follow(uploadId)) {
    line.textContent = `${filename}: ${status} ${failure?.reason ?? ''}`
    if (status === 'processed')
      line.append(...outputs.map(({ name }) => downloadButton(uploadId, `outputs/${name}`, name)))
    if (status === 'processed' || status === 'failed') line.append(downloadButton(uploadId, 'content', 'original'))
  }
}

function downloadButton(uploadId, what, label) {
  const button = document.createElement('button')
  button.textContent = `Download ${label}`
  button.addEventListener('click', () => report(() => headgate.save(uploadId, what)))
  return button
}

// Shows the error of an action instead of losing it.
async function report(action) {
  element('error').textContent = ''
  try {
    await action()
  } catch (error) {
    element('error').textContent = error.message
  }
}
