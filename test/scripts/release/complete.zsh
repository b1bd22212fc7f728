# zsh -f complete.zsh FOLDER TYPED: prints what zsh offers for the last word of TYPED with the functions in FOLDER.
zmodload zsh/zpty

zpty shell zsh -f -i
zpty -w shell "
  PROMPT= RPROMPT= fpath=(${(q)1} \$fpath)
  autoload -Uz compinit && compinit -u -d ${(q)1}/.zcompdump
  # What completion adds to the list is printed; what it only asks for is answered as ever.
  compadd() {
    if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
      builtin compadd \"\$@\"
      return
    fi
    local -a offers
    builtin compadd -A offers \"\$@\"
    (( \$#offers )) && print -rl -- OFFER\${^offers}
    builtin compadd \"\$@\"
  }
  offer-and-exit() { _main_complete; print DONE; exit }
  zle -C offer-and-exit list-choices offer-and-exit
  bindkey '^I' offer-and-exit
  stty -echo
  print READY
"
zpty -r shell output $'*\nREADY*'
zpty -n -w shell "$2"$'\t'

while zpty -r shell output; do
  output=${output%$'\n'}
  output=${output%$'\r'}
  [[ $output == *OFFER* ]] && print -r -- ${output##*OFFER}
  [[ $output == *DONE* ]] && break
done
