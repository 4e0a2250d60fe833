import * as headgate from './headgate.js'
import { Dashboard, Tus, Uppy } from './uppy.js'

const element = id => document.getElementById(id)
const signInForm = element('sign-in')

// http://127.0.0.1:8000/?cognito=http://127.0.0.1:4300 fills in a field. A password does not belong into a URL.
for (const [name, value] of new URLSearchParams(location.search)) {
  const field = signInForm.elements.namedItem(name)
  if (field && name !== 'password') field.value = value
}

signInForm.addEventListener('submit', event => {
  event.preventDefault()
  const { api, cognito, clientId, username, password } = Object.fromEntries(new FormData(signInForm))
  Object.assign(headgate.settings, { api, cognito, clientId })
  void report(async () => {
    await headgate.signIn(username, password)
    signInForm.hidden = true
    element('areas').hidden = false
    showDashboard()
  })
})

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
