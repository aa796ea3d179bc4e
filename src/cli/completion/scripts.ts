/**
 * The scripts are thin: they ask the program itself what may come next, by the hidden command
 * `__complete`, so they hold for every version of it. Its answer is a line `:words`, `:files` or
 * `:directories`, and then a candidate a line, with a tab before what it is.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# bash completion for nexus: eval "$(nexus completion bash)"
_nexus() {
  local line kind candidate current words
  # What readline splits at = and : is one word to nexus.
  _nexus_words
  current=\${words[-1]}
  COMPREPLY=()
  {
    IFS= read -r kind
    while IFS= read -r line; do
      candidate=\${line%%$'\\t'*}
      COMPREPLY+=("$candidate")
    done
  } < <(nexus __complete -- "\${words[@]}" 2>/dev/null)
  case $kind in
    :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "\${current##*=}") ;;
    :directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "\${current##*=}") ;;
    *)
      [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace
      # Readline replaces only what is behind the last = or :.
      local index last=\${COMP_WORDS[COMP_CWORD]}
      local prefix=\${current%"$last"}
      [[ $last == [=:] ]] && prefix=$current
      for index in "\${!COMPREPLY[@]}"; do
        COMPREPLY[index]=$(printf %q "\${COMPREPLY[index]#"$prefix"}")
      done
      ;;
  esac
}

# The words before the cursor but for the program's name, each as the shell will see it.
_nexus_words() {
  local before=\${COMP_LINE:0:COMP_POINT} index word offset=0 glued
  words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    glued=no
    if ((index > 1)) && [[ -n $word && \${before:offset:\${#word}} == "$word" ]]; then
      glued=yes
    fi
    if [[ $glued == no ]]; then
      while [[ \${before:offset:1} == [[:space:]] ]]; do ((offset++)); done
    fi
    offset=$((offset + \${#word}))
    ((index == 0)) && continue
    if [[ $glued == yes ]]; then words[-1]+=$word; else words+=("$word"); fi
  done
}

complete -F _nexus nexus
`;

const ZSH = `#compdef nexus
# zsh completion for nexus: eval "$(nexus completion zsh)", or a file _nexus in a directory of $fpath
_nexus() {
  local kind line
  local -a answer described directories
  answer=("\${(@f)$(nexus __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  kind=\${answer[1]}
  case $kind in
    :files) _files; return ;;
    :directories) _files -/; return ;;
  esac
  for line in "\${(@)answer[2,-1]}"; do
    [[ -z $line ]] && continue
    if [[ \${line%%$'\\t'*} == */ ]]; then
      directories+=("\${line%%$'\\t'*}")
    else
      described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( \${#directories} )) && compadd -S '' -- "\${directories[@]}"
  (( \${#described} )) && _describe 'nexus' described
}
if [[ \${funcstack[1]} == _nexus ]]; then _nexus "$@"; else compdef _nexus nexus; fi
`;

const FISH = `# fish completion for nexus: nexus completion fish | source
function __nexus_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    set -l answer (nexus __complete -- $words 2>/dev/null)
    switch "$answer[1]"
        case :files
            __fish_complete_path (commandline -ct)
        case :directories
            __fish_complete_directories (commandline -ct)
        case '*'
            test (count $answer) -gt 1; and printf '%s\\n' $answer[2..-1]
    end
end
complete -c nexus -f -a '(__nexus_complete)'
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } satisfies Record<Shell, string>;
