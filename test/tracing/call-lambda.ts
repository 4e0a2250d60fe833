/** Calls a Lambda handler once, as its first argument says, with the event that its second one is, and exits. */
const [handlerFile = '', event = ''] = process.argv.slice(2)
const { handler } = (await import(handlerFile)) as { handler: (event: unknown, context: object) => Promise<unknown> }
const context = { awsRequestId: 'once', getRemainingTimeInMillis: () => 30_000 }
const answer = await handler(JSON.parse(event), context)
// Nothing is waited for: what runs on after the answer is frozen on Lambda.
process.stdout.write(`answer: ${JSON.stringify(answer)}\n`, () => process.exit(0))
