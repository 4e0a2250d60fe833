import fastifyPlugin from 'fastify-plugin'

const JSON_TYPE = /^application\/(?:problem\+)?json\b/

/** Ends every JSON response with a newline, so that the prompt of a terminal follows on a line of its own. */
export const finalNewline = fastifyPlugin(
  async app => {
    app.addHook('onSend', (_request, reply, payload, done) => {
      const isOpen = typeof payload === 'string' && payload !== '' && !payload.endsWith('\n')
      done(null, isOpen && JSON_TYPE.test(String(reply.getHeader('content-type'))) ? `${payload}\n` : payload)
    })
  },
  { name: 'final-newline', fastify: '5.x' },
)
