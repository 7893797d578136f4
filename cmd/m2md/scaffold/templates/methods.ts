// Lets a request through whose method the inputs name. Write the types anew when
// the inputs change: m2md schema --types --config FOLDER --dir FOLDER
export default function (request: PolicyRequest<"methods">, inputs: Inputs<"methods">): boolean {
  const method = request.http.method;
  return inputs.methods.some((allowed) => allowed === method);
}
