/** Calls the Lambda handler of the first argument with the event of the second one, and exits. */
const [handlerFile = '', event = ''] = process.argv.slice(2)
const { handler } = (await import(handlerFile)) as { handler: (event: unknown, context: object) => Promise<unknown> }
const context = { awsRequestId: 'once', getRemainingTimeInMillis: () => 30_000 }
const answer = await handler(JSON.parse(event), context)
// The process exits at once, because Lambda freezes everything that runs after the response.
process.stdout.write(`answer: ${JSON.stringify(answer)}\n`, () => process.exit(0))
