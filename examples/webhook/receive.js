/** Receives notifications, and checks that Headgate has sent them: `WEBHOOK_SECRET=whsec_… node receive.js [PORT]`. */
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '')
const seen = new Set()

const server = createServer(async (request, response) => {
  try {
    const { id, type, data } = webhook.verify(await text(request), request.headers)
    // A notification can arrive twice, with the same id.
    if (!seen.has(id))
      process.stdout.write(`${type} ${data.filename} ${data.outputs?.[0]?.key ?? data.failure?.reason}\n`)
    seen.add(id)
    response.writeHead(204).end()
  } catch (error) {
    process.stderr.write(`rejected: ${error.message}\n`)
    response.writeHead(401).end()
  }
})
server.listen(Number(process.argv[2] ?? 4000), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`)
})
